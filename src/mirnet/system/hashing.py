"""Names spread over processes or files, the same on every machine."""

import hashlib


def bucket_of(name: str, count: int) -> int:
    """The bucket of a name, 0 to count - 1; about as many names fall into each.

    >>> bucket_of("a/b.png", 256)
    84
    """
    data = name.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") % count
