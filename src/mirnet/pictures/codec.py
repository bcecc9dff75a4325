"""Read pictures from any source and write them to files, with alpha and metadata.

JPEG, PNG, TIFF, WebP and AVIF are read and written; HEIC, JPEG XL and RAW are
only read. `open` reads the
header, then the rows stream; `create` takes rows and what the source carries: alpha, EXIF, XMP,
IPTC, the colour profile and the resolution. Nothing is rescaled, and floats are not clipped.
"""

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mirnet.errors import ImageError
from mirnet.pictures import dng, heic, jxl, negative, raw, writing
from mirnet.pictures.reading import open_picture
from mirnet.pictures.source import Band, File, Readable, Source
from mirnet.pictures.vips import shown
from mirnet.pictures.writing import FORMATS, AnyWriting, Writable, into_file, into_stream
from mirnet.shapes import Pixels

__all__ = [
    "FORMATS",
    "NAMES",
    "SUFFIXES",
    "WRITABLE",
    "File",
    "Picture",
    "Source",
    "Writable",
    "create",
    "encode",
    "is_decoded_elsewhere",
    "open",
    "output_suffix",
    "read",
    "size",
    "suffix_of",
    "whole",
    "write",
]

Picture = File | Path | str | bytes | Readable | npt.NDArray[Any]
"""A picture to open: a file's path or bytes, a binary stream, which is read to its end, or an
array, see `Source.of`. A `File` gives the name that messages use."""

NAMES = (*FORMATS, dng.NAME)
"""Names of all formats that can be written: `FORMATS` from any picture, dng from RAW only."""

WRITABLE = {suffix: kind for kind, known in FORMATS.items() for suffix in known.suffixes} | {
    dng.SUFFIX: dng.NAME
}
"""Writable formats by suffix, lower-case."""

SUFFIXES = frozenset(WRITABLE) | heic.SUFFIXES | jxl.SUFFIXES | raw.SUFFIXES
"""Suffixes that can be read, lower-case."""

BAND = 128
"""Rows that `read` fetches at a time."""


def open(picture: Picture, *, format: str | None = None) -> Source:
    """Open a picture and read its header (RAW is developed and JPEG XL decoded at once).

    RAW files are recognised by their suffix, so bytes and unnamed streams are never read as RAW.

    Args:
        picture: see `Picture`.
        format: the format that the result will have, if it is known. For dng, a RAW file is not
            developed; see `mirnet.pictures.negative`. Others make no difference.

    Raises:
        ImageError: if the file is missing, not a picture, damaged, or of an unsupported kind, or
            is not RAW and should become a DNG.
        ShapeError: if an array is not of a picture.
    """
    if isinstance(picture, np.ndarray):
        if format == dng.NAME:
            raise ImageError("an array is not a RAW file, and only those become DNG")
        return Source.of(picture)
    file = File.of(picture)
    if format == dng.NAME:
        return negative.open_negative(file)
    if file.suffix in raw.SUFFIXES:
        return raw.develop(file)
    if jxl.is_jxl(file):
        return jxl.open_picture(file)
    return heic.open_picture(file) if heic.is_heic(file) else open_picture(file)


def is_decoded_elsewhere(file: File) -> bool:
    """Whether another decoder than libvips reads the file: RAW, HEIC and JPEG XL."""
    return file.suffix in raw.SUFFIXES or heic.is_heic(file) or jxl.is_jxl(file)


def size(picture: Picture) -> tuple[int, int]:
    """Height and width, read from the header: no pixel is decoded, and no RAW file developed.

    Those of a RAW file are before it is turned upright.

    Raises:
        ImageError: if the file is missing, not a picture, damaged, or of an unsupported kind.
        ShapeError: if an array is not of a picture.
    """
    if not isinstance(picture, np.ndarray):
        picture = File.of(picture)
        if picture.suffix in raw.SUFFIXES:
            return raw.size(picture)
        if jxl.is_jxl(picture):
            return jxl.size(picture)
    source = open(picture)
    return source.height, source.width


def read(picture: Picture) -> Pixels:
    """The colours of a whole picture, h w c, in the file's own dtype; alpha is left out.

    Raises:
        ImageError: as `open` does, and if the file ends too soon.
    """
    return whole(open(picture))


def whole(source: Source) -> Pixels:
    """The colours of a freshly opened picture, as `read` returns them.

    Raises:
        ImageError: if the file ends too soon.
    """
    pixels = np.empty((source.height, source.width, source.channels), source.dtype)
    # asked for the whole picture at once, libvips would hold two more copies beside the result
    for top in range(0, source.height, BAND):
        pixels[top : top + BAND] = source.read(BAND)
    return pixels


def create(
    target: Path | str | Writable,
    like: Source,
    *,
    format: str | None = None,
    quality: int | None = None,
) -> AbstractContextManager[AnyWriting]:
    """A picture to append rows to, which keeps everything that its source carries.

    A file appears complete or not at all, at the end of the `with`: after any error no temporary
    file is left, and an existing target is unchanged. Nothing is written into a stream before the
    end.

    Args:
        target: a path, which may be the source's own, or a binary stream.
        like: source of size, dtype, alpha and metadata.
        format: one of `NAMES`; by default that of the path's suffix. Required for a stream.
        quality: 1 to 100 for the lossy formats; 100 makes WebP and AVIF lossless; None
            for the default, or for a lossless WebP of a lossless WebP.

    Raises:
        ImageError: if the format is unknown or cannot hold the picture, if the rows are not those
            of `like`, if the folder or the disk does not take the file.
    """
    if not isinstance(target, Path | str):
        if format not in NAMES:
            raise ImageError(f"format {format} cannot be written; use one of {', '.join(NAMES)}")
        return into_stream(target, like, format, quality)
    path = Path(target)
    kind = format or WRITABLE.get(path.suffix.lower())
    if kind not in NAMES:
        given = f"format {format}" if format else f"the suffix of {shown(path)}"
        raise ImageError(f"{given} cannot be written; use one of {', '.join(NAMES)}")
    return into_file(path, like, kind, quality)


def write(
    target: Path | str | Writable,
    bands: Iterable[Band],
    like: Source,
    *,
    format: str | None = None,
    quality: int | None = None,
) -> tuple[str, ...]:
    """Write rows that already exist; see `create` for arguments and errors.

    Args:
        target: see `create`.
        bands: the picture from top to bottom, in pieces of any height; width, channels and dtype
            are those of `like`. They are fetched one at a time, and after all other checks.
        like: see `create`.
        format: see `create`.
        quality: see `create`.

    Returns:
        What the user should know, such as a depth that the format does not hold.
    """
    with create(target, like, format=format, quality=quality) as file:
        for band in bands:
            file.append(band)
    return file.notes


def encode(
    picture: Pixels, format: str, *, quality: int | None = None, is_fast: bool = False
) -> bytes:
    """The bytes of a small picture's file, made in memory, without metadata.

    Args:
        picture: h w c, grey or RGB; values as the format stores them.
        format: one of `FORMATS`.
        quality: see `create`.
        is_fast: write a PNG in less than half the time, 8 % larger. Other formats ignore it.

    Raises:
        ImageError: if the format is unknown or does not hold the picture.
        ShapeError: if the array is no picture.
    """
    if format not in FORMATS:
        raise ImageError(f"format {format} cannot be written; use one of {', '.join(FORMATS)}")
    return writing.encode(picture, format, quality, is_fast=is_fast)


def check_format(format: str, among: Collection[str]) -> None:
    """Check the name of an output format against those that a command can write.

    Raises:
        ImageError: if it is none of them.
    """
    if format not in among:
        raise ImageError(f"no format {format!r}: choose {', '.join(among)}")


def suffix_of(format: str) -> str:
    """The usual suffix of a format in `NAMES`."""
    return dng.SUFFIX if format == dng.NAME else FORMATS[format].suffixes[0]


def output_suffix(path: Path) -> str:
    """The suffix of the restored `path`: its own, unless it can only be read.

    RAW becomes .tif, to keep 16 bits; HEIC and JPEG XL .avif, which keeps 10 bits and is as small.
    """
    suffix = path.suffix.lower()
    if suffix in raw.SUFFIXES:
        return ".tif"
    return ".avif" if suffix in heic.SUFFIXES | jxl.SUFFIXES else path.suffix
