"""Write linear DNGs: a sensor's colours, demosaiced and restored, for RAW editors to develop.

The first directory holds a small preview and everything that decides the look; the one below it
holds the picture, 16 bits, uncompressed, in the photometric interpretation "linear raw". Rows are
spooled, so memory stays bounded.

Follows Adobe's Digital Negative Specification 1.7.1 (2023); written with tifffile.
"""

from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips
from jaxtyping import UInt8

from mirnet.errors import ImageError
from mirnet.pictures import tiff
from mirnet.pictures.negative import OPCODES_AFTER, SRGB, WHITE, Linear, Negative, Stored
from mirnet.pictures.source import Band, Source
from mirnet.pictures.vips import as_image_error

NAME = "dng"
"""The name of the format."""

SUFFIX = ".dng"

FAILED = "cannot be written"

VERSION, READABLE_BY, READABLE_WITH_OPCODES = (1, 4, 0, 0), (1, 1, 0, 0), (1, 3, 0, 0)
"""The version that is followed, and the oldest ones whose readers understand it."""

PREVIEW, QUALITY = 1024, 90
"""Longest side of the preview in pixels, and its quality as a JPEG."""

REDUCED, FULL, LINEAR_RAW, SRGB_PREVIEW = 1, 0, 34892, 2
ORIENTATION, DNG_VERSION, BACKWARD_VERSION, PREVIEW_COLOURS = 274, 50706, 50707, 50970
BLACK, WHITE_LEVEL, BASELINE_EXPOSURE = 50714, 50717, 50730
BYTE, SHORT, LONG = 1, 3, 4
"""Values, tags and types of TIFF and DNG."""

ROWS = 256
"""Rows of the picture that are in memory at a time."""

LARGEST = 4_000_000_000
"""Bytes of pixels that a TIFF with offsets of 32 bits holds beside the rest."""


def refuse(name: str, like: Source, quality: int | None) -> None:
    """Raise for what cannot become a DNG, before any row is fetched.

    Raises:
        ImageError: if the source is not a sensor's picture, or the picture is too large.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"quality must be 1 to 100, got {quality}")
    if like.negative is None:
        raise ImageError(
            f"{name} {FAILED}: {like.name} is not a RAW file, and only those become DNG"
        )
    if like.height * like.width * 6 > LARGEST:
        raise ImageError(f"{name} {FAILED}: DNG holds at most {LARGEST / 6e6:.0f} megapixels")


class Writing:
    """A DNG being written: rows are appended from top to bottom, then it is finished.

    Args:
        name: name of the file, used in messages.
        spool: an empty file for the rows.
        like: a source with a `Negative`, encoded for the network, as the rows are.
    """

    def __init__(self, name: str, spool: FileIO, like: Source) -> None:
        assert like.negative is not None
        self.notes: tuple[str, ...] = ()
        """What the user should know; nothing is ever lost that a DNG could hold."""
        self._name, self._like, self._spool = name, like, spool
        self._negative: Negative = like.negative
        self._top = 0

    def append(self, band: Band) -> None:
        """Append the next rows.

        Raises:
            ImageError: if they are not rows of the picture, or the disk is full.
        """
        self._like.check(band, self._top)
        with as_image_error(self._name, FAILED):
            self._spool.write(self._negative.decode(band).data.cast("B"))
        self._top += len(band)

    def finish(self) -> None:
        """Check that all rows were appended.

        Raises:
            ImageError: if some are missing.
        """
        if self._top < self._like.height:
            raise ImageError(
                f"{self._top} rows were given; {self._like.name} has {self._like.height}"
            )

    def encode(self, spool: Path, part: Path) -> None:
        """Turn the finished spool into a DNG.

        Raises:
            ImageError: if it cannot be written.
        """
        shape = (self._like.height, self._like.width, 3)
        stored: Stored = np.memmap(spool, np.uint16, "r", shape=shape)
        with as_image_error(self._name, FAILED):
            _write(part, stored, self._negative)
            exif = self._like.metadata.blocks.get("exif-data", b"")
            with part.open("r+b") as file:
                tiff.add(file, exif=exif)


def _write(part: Path, stored: Stored, negative: Negative) -> None:
    import tifffile

    has_opcodes = OPCODES_AFTER in negative.raw_tags
    first = {
        ORIENTATION: _integers(SHORT, negative.orientation),
        DNG_VERSION: (BYTE, bytes(VERSION)),
        BACKWARD_VERSION: (BYTE, bytes(READABLE_WITH_OPCODES if has_opcodes else READABLE_BY)),
        PREVIEW_COLOURS: _integers(LONG, SRGB_PREVIEW),
        **negative.tags,
    }
    full = {
        BLACK: _integers(LONG, 0, 0, 0),
        WHITE_LEVEL: _integers(LONG, WHITE, WHITE, WHITE),
        **negative.raw_tags,
    }
    preview = _preview(stored, negative)
    jpeg = pyvips.Image.new_from_array(preview).jpegsave_buffer(
        Q=QUALITY, keep="none", subsample_mode="off"
    )
    with tifffile.TiffWriter(part, byteorder="<", bigtiff=False) as file:
        file.write(
            iter([bytes(jpeg)]),
            shape=preview.shape,
            dtype=preview.dtype,
            photometric="ycbcr",
            compression="jpeg",
            subsampling=(1, 1),
            rowsperstrip=len(preview),
            subfiletype=REDUCED,
            subifds=1,
            software=False,
            metadata=None,
            extratags=_extra(first),
        )
        file.write(
            stored,
            photometric=LINEAR_RAW,
            planarconfig="contig",
            rowsperstrip=ROWS,
            subfiletype=FULL,
            software=False,
            metadata=None,
            extratags=_extra(full),
        )


def _integers(kind: int, *values: int) -> tuple[int, bytes]:
    return kind, np.array(values, tiff.INTEGERS[kind]).tobytes()


def _extra(tags: dict[int, tuple[int, bytes]]) -> list[tuple[int, int, int, Any, bool]]:
    """Tags as tifffile takes them: of packed fractions it would write twice as many."""
    fractions = {tiff.RATIONAL: "<u4", tiff.SIGNED_RATIONAL: "<i4"}
    return [
        (
            tag,
            kind,
            len(value) // tiff.BYTES.get(kind, 1),
            tuple(np.frombuffer(value, fractions[kind]).tolist()) if kind in fractions else value,
            True,
        )
        for tag, (kind, value) in sorted(tags.items())
    ]


def _preview(stored: Stored, negative: Negative) -> UInt8[np.ndarray, "h w 3"]:
    """A small picture in sRGB, as plainly developed as the matrix allows."""
    step = -(-max(stored.shape[:2]) // PREVIEW)
    small = np.concatenate(
        [
            _shrunk(stored[top : top + ROWS * step], step)
            for top in range(0, stored.shape[0], ROWS * step)
        ]
    )
    kind, exposure = negative.tags.get(BASELINE_EXPOSURE, (0, b""))
    gain = 2 ** _fraction(exposure) if kind == tiff.SIGNED_RATIONAL else 1.0
    linear = small / WHITE * negative.multipliers * gain
    # balanced white is where the first channel is full; beyond it, colours would be false
    linear = np.clip(linear, 0, max(gain, 1)) @ negative.to_srgb.T
    shown: Linear = np.clip(linear, 0, 1).astype(np.float32)
    preview: UInt8[np.ndarray, "h w 3"] = np.rint(SRGB.encode(shown) * 255).astype(np.uint8)
    return preview


def _fraction(value: bytes) -> float:
    above, below = np.frombuffer(value, "<i4")[:2]
    return float(above / below) if below else 0.0


def _shrunk(band: Stored, step: int) -> npt.NDArray[np.float64]:
    """Means over squares of `step` pixels; what is left over at the edges is cut off."""
    height, width = max(len(band) // step, 1), max(band.shape[1] // step, 1)
    whole: Any = band[: height * step, : width * step]
    squares = whole.reshape(height, len(whole) // height, width, -1, 3)
    means: npt.NDArray[np.float64] = squares.mean(axis=(1, 3), dtype=np.float64)
    return means
