"""Pictures from files and into files, with everything around the pixels that must survive.

JPEG, PNG, TIFF, WebP and AVIF both ways; RAW only from files. `open` reads the header, the rows
then stream; `write` takes rows and what the source carries: alpha, EXIF, XMP, IPTC, the colour
profile and the resolution. Nothing is scaled, and floats are not clipped.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mirnet.errors import ImageError
from mirnet.image import raw
from mirnet.image.reading import open_picture
from mirnet.image.source import Band, Source
from mirnet.image.vips import shown
from mirnet.image.writing import FORMATS, write_picture
from mirnet.shapes import Pixels

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "WRITABLE",
    "Source",
    "open",
    "output_suffix",
    "read",
    "whole",
    "write",
]

WRITABLE = {suffix: kind for kind, known in FORMATS.items() for suffix in known.suffixes}
"""Formats by suffix, lower-case."""

SUFFIXES = frozenset(WRITABLE) | raw.SUFFIXES
"""What can be read, lower-case."""

BAND = 128
"""Rows that `read` fetches at a time."""


def open(path: Path) -> Source:
    """Open a picture and read its header (a RAW file is developed at once).

    Raises:
        ImageError: if the file is missing, not a picture, damaged, or of an unsupported kind.
    """
    path = Path(path)
    return raw.develop(path) if path.suffix.lower() in raw.SUFFIXES else open_picture(path)


def read(path: Path) -> Pixels:
    """The colours of a whole picture, h w c, in the file's own dtype; alpha is left out.

    Raises:
        ImageError: as `open` does, and if the file ends too soon.
    """
    return whole(open(path))


def whole(source: Source) -> Pixels:
    """The colours of a picture that was just opened, as `read` gives them.

    Raises:
        ImageError: if the file ends too soon.
    """
    pixels = np.empty((source.height, source.width, source.channels), source.dtype)
    # asked for the whole picture at once, libvips would keep it two times beside the result
    for top in range(0, source.height, BAND):
        pixels[top : top + BAND] = source.read(BAND)
    return pixels


def write(
    path: Path,
    bands: Iterable[Band],
    like: Source,
    *,
    format: str | None = None,
    quality: int | None = None,
) -> tuple[str, ...]:
    """Write rows as a file that carries all that the source carries.

    The file appears complete or not at all: whatever goes wrong, no temporary file stays, and an
    existing target stays as it was.

    Args:
        path: the target; it may be the source itself.
        bands: the picture from top to bottom, in pieces of any height; width, channels and dtype
            are those of `like`. They are asked for one at a time, and after all other checks.
        like: where alpha and metadata come from.
        format: one of `FORMATS`; by default what the suffix says.
        quality: 1 to 100 for the lossy formats; 100 makes WebP and AVIF lossless.

    Returns:
        What the user should know, such as a depth that the format does not hold.

    Raises:
        ImageError: if the format is unknown or cannot hold the picture, if the rows are not those
            of `like`, if the folder or the disk does not take the file.
    """
    path = Path(path)
    kind = format or WRITABLE.get(path.suffix.lower())
    if kind not in FORMATS:
        given = f"format {format}" if format else f"the suffix of {shown(path)}"
        raise ImageError(f"{given} cannot be written; use one of {', '.join(FORMATS)}")
    return write_picture(path, bands, like, kind, quality)


def output_suffix(path: Path) -> str:
    """The suffix that a restored `path` gets: its own, or .tif for RAW, to keep 16 bits."""
    return ".tif" if path.suffix.lower() in raw.SUFFIXES else path.suffix
