"""What every use of libvips takes: one clear line for a failure, and nothing left in its cache."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyvips

from mirnet.errors import ImageError

LONGEST = 300
"""Characters of a reason: libvips may report hundreds of lines for one broken file."""


UNKNOWN = "VipsForeignLoad: source is not in a known format"
"""What libvips says of a file that is no picture."""


def shown(path: Path | str) -> str:
    """The path as one printable line, whatever bytes are in the name."""
    name = str(path)
    return name if name.isprintable() else repr(name)


@contextmanager
def as_image_error(name: str, failed: str) -> Iterator[None]:
    """Turn what libvips and the file system raise into "NAME `failed`: reason".

    Raises:
        ImageError: in the place of `pyvips.Error` and `OSError`.
    """
    # libvips appends to one buffer for all threads: what an earlier call left is not our reason
    pyvips.vips_lib.vips_error_clear()
    try:
        yield
    except pyvips.Error as error:
        raise ImageError(f"{name} {failed}: {_reason(error)}") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ImageError(f"{name} {failed}: {reason}") from error


def forget() -> None:
    """Let go of files and pixels that libvips keeps in case an operation is asked for again.

    Here none ever is. How much it keeps is left as it was, for others in this process.
    """
    most = pyvips.cache_get_max()
    pyvips.cache_set_max(0)
    pyvips.cache_set_max(most)


def _reason(error: pyvips.Error) -> str:
    """What libvips has to say beyond "unable to call"; the last lines are the most telling."""
    lines = [" ".join(line.split()) for line in f"{error.message}\n{error.detail}".splitlines()]
    # a seek beyond the end is how truncation shows, but libvips reports each single one
    told = [line for line in lines if line and not line.startswith("unable to ")]
    told = [line for line in told if ": bad seek to " not in line] or ["the data is damaged"]
    if UNKNOWN in told:
        return "it is not a picture, or not of a kind that mirnet knows"
    return "; ".join(dict.fromkeys(told))[:LONGEST]
