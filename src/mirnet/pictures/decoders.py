"""Errors of the decoders besides libvips, which the extras bring."""

from collections.abc import Iterator
from contextlib import contextmanager

from mirnet.errors import ImageError
from mirnet.pictures.source import File
from mirnet.pictures.vips import LONGEST, as_image_error

FAILED = "cannot be read"


@contextmanager
def reading(file: File) -> Iterator[None]:
    """Turn all that a decoder and the file system raise into one line with the file's name.

    Raises:
        ImageError: in the place of what was raised.
    """
    with as_image_error(file.name, FAILED):
        try:
            yield
        except MemoryError as error:
            raise ImageError(f"{file.name} {FAILED}: it takes more memory than there is") from error
        except (ValueError, EOFError, SyntaxError, RuntimeError) as error:
            reason = " ".join(str(error).split()) or "the data is damaged"
            raise ImageError(f"{file.name} {FAILED}: {reason[:LONGEST]}") from error
