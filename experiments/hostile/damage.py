"""Damage to any file: bytes flipped, cut, lost, repeated, inserted, spliced."""

import random
from collections.abc import Callable

Damage = Callable[[bytes, random.Random], bytes]


def flip_bits(content: bytes, rng: random.Random) -> bytes:
    """One to eight single bits."""
    damaged = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def flip_body(content: bytes, rng: random.Random) -> bytes:
    """One byte in the last three quarters, where pixels and weights are."""
    damaged = bytearray(content)
    damaged[rng.randrange(len(damaged) // 4, len(damaged))] ^= rng.randint(1, 255)
    return bytes(damaged)


def flip_head(content: bytes, rng: random.Random) -> bytes:
    """One to four bytes of the first 256: lengths, sizes, types."""
    damaged = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(min(256, len(damaged)))
        damaged[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(damaged)


def cut(content: bytes, rng: random.Random) -> bytes:
    """The end is missing."""
    return content[: rng.randrange(len(content))]


def cut_tail(content: bytes, rng: random.Random) -> bytes:
    """The last few bytes are missing."""
    return content[: -rng.randint(1, min(64, len(content)))]


def lose(content: bytes, rng: random.Random) -> bytes:
    """A piece is missing in the middle."""
    start, length = rng.randrange(len(content)), rng.randint(1, 512)
    return content[:start] + content[start + length :]


def blank(content: bytes, rng: random.Random) -> bytes:
    """A piece is all zeros or ones, as on a failing disk."""
    start = rng.randrange(len(content))
    length = min(rng.randint(1, 512), len(content) - start)
    return content[:start] + rng.choice((b"\0", b"\xff")) * length + content[start + length :]


def insert(content: bytes, rng: random.Random) -> bytes:
    """Random bytes come between."""
    start = rng.randrange(len(content))
    return content[:start] + rng.randbytes(rng.randint(1, 256)) + content[start:]


def repeat(content: bytes, rng: random.Random) -> bytes:
    """A piece stands twice."""
    start, length = rng.randrange(len(content)), rng.randint(1, 512)
    return content[: start + length] + content[start:]


def append(content: bytes, rng: random.Random) -> bytes:
    """Something follows the end."""
    return content + rng.randbytes(rng.randint(1, 1000))


ALL: tuple[Damage, ...] = (
    *(flip_bits, flip_body, flip_body, flip_head, flip_head),
    *(cut, cut_tail, lose, blank, insert, repeat, append),
)
"""Frequent kinds stand twice."""


def splice(head: bytes, tail: bytes, rng: random.Random) -> bytes:
    """The beginning of one file and the end of another."""
    return head[: rng.randrange(1, len(head))] + tail[rng.randrange(len(tail)) :]
