"""RAW files, developed by LibRaw (the extra `raw`).

Developing loads the whole picture into memory. White balance as set by the camera, sRGB, 16 bits,
no automatic brightening: restoration should not change the look of a picture.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from typing import Any, BinaryIO, cast

import numpy as np
import pyvips

from mirnet.errors import ImageError
from mirnet.pictures import tiff
from mirnet.pictures.metadata import Metadata
from mirnet.pictures.source import File, Source
from mirnet.pictures.vips import as_image_error
from mirnet.shapes import Pixels

SUFFIXES = frozenset(
    {".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw"}
)
"""Suffixes of RAW files, lower-case."""

SRGB_GAMMA = (2.4, 12.92)
"""Gamma of sRGB; LibRaw's default is the BT.709 curve of television."""


def develop(raw_file: File) -> Source:
    """Develop a RAW file to 16-bit sRGB, upright.

    Raises:
        ImageError: if rawpy is missing, or the file is missing, damaged or not RAW.
    """
    rawpy = module(raw_file)
    with as_image_error(raw_file.name, "cannot be read"), raw_file.open() as file:
        found = tiff.read_exif(file)
        file.seek(0)
        with opened(rawpy, raw_file, file) as raw:
            image: Pixels = raw.postprocess(
                use_camera_wb=True,
                no_auto_bright=True,
                output_color=rawpy.ColorSpace.sRGB,
                output_bps=16,
                gamma=SRGB_GAMMA,
            )
    return Source(
        name=raw_file.name,
        height=image.shape[0],
        width=image.shape[1],
        dtype=np.dtype(np.uint16),
        channels=image.shape[2],
        metadata=_metadata(found),
        rows=lambda top, count: image[top : top + count],
        notes=() if found else ("EXIF was not found in the RAW file",),
    )


def size(raw_file: File) -> tuple[int, int]:
    """Height and width of a RAW file as the sensor lies, without developing it.

    Raises:
        ImageError: as `develop` does.
    """
    rawpy = module(raw_file)
    with (
        as_image_error(raw_file.name, "cannot be read"),
        raw_file.open() as file,
        opened(rawpy, raw_file, file) as raw,
    ):
        return raw.sizes.height, raw.sizes.width


def module(raw_file: File) -> Any:  # noqa: ANN401 - a module that may be missing
    """The package rawpy.

    Raises:
        ImageError: if it is missing.
    """
    try:
        import rawpy
    except ImportError:
        message = f'{raw_file.name} is RAW, which takes rawpy: pip install "mirnet[raw]"'
        raise ImageError(message) from None
    return rawpy


@contextmanager
def opened(rawpy: Any, raw_file: File, file: BufferedIOBase) -> Iterator[Any]:  # noqa: ANN401
    """The file as LibRaw sees it; its errors, now or later, name the file.

    Raises:
        ImageError: if LibRaw cannot read it.
    """
    try:
        # as a file object, since LibRaw cannot open every name
        with rawpy.imread(cast(BinaryIO, file)) as raw:
            yield raw
    except rawpy.LibRawError as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ImageError(f"{raw_file.name} cannot be developed: {reason}") from error


def _metadata(block: bytes | None) -> Metadata:
    blocks = {"icc-profile-data": bytes(pyvips.Operation.call("profile_load", "srgb"))}
    if block:
        blocks["exif-data"] = block
    return Metadata(blocks, {})
