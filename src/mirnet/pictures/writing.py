"""Write pictures to files with libvips: complete or not at all.

Rows are spooled into a hidden file in the target's folder, so memory stays bounded however large
the picture is; the finished file is renamed to the target in one step.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import pyvips

from mirnet.errors import ImageError
from mirnet.pictures import metadata, pixels
from mirnet.pictures.source import Band, Source
from mirnet.pictures.spool import Spool
from mirnet.pictures.vips import as_image_error, attempt, forget, shown
from mirnet.shapes import Image, Pixels
from mirnet.system.files import hidden, replacing


@runtime_checkable
class Writable(Protocol):
    """A binary stream."""

    def write(self, content: bytes, /) -> object:
        """Write all of the content."""
        ...


@dataclass(frozen=True)
class Format:
    """What a file format can hold."""

    name: str
    """Name shown to users."""
    suffixes: tuple[str, ...]
    """Suffixes, the usual one first."""
    bits: tuple[int, ...]
    """Bit depths per channel, in ascending order; 32 is float."""
    has_alpha: bool
    longest: int
    """Maximum pixels per side."""
    has_grey: bool = True
    quality: int | None = None
    """Default quality, 1 to 100; None for lossless formats."""


FORMATS = {
    "jpeg": Format("JPEG", (".jpg", ".jpeg"), (8,), False, 65_500, quality=95),
    "png": Format("PNG", (".png",), (8, 16), True, 2**31 - 1),
    "tiff": Format("TIFF", (".tif", ".tiff"), (8, 16, 32), True, 2**31 - 1),
    "webp": Format("WebP", (".webp",), (8,), True, 16_383, has_grey=False, quality=95),
    "avif": Format("AVIF", (".avif",), (8, 12), True, 16_384, has_grey=False, quality=90),
}
"""Formats that can be written."""

BITS = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16, np.dtype(np.float32): 32}
SPACES = {8: ("b-w", "srgb"), 16: ("grey16", "rgb16"), 32: ("b-w", "scrgb")}
"""Colour spaces of grey and of colour, by bits; with these libvips rescales nothing."""

FAILED = "cannot be written"

BIG = 3_900_000_000
"""Bytes from which a TIFF gets 64-bit offsets, slightly below the limit of 32 bits."""


class Writing:
    """A picture being written: rows are appended from top to bottom, then it is finished.

    Rows are spooled in the format's layout, with alpha next to the colours.

    Args:
        name: name of the file, used in messages.
        spool: an empty file for the rows.
        like: source of alpha and metadata.
        kind: one of `FORMATS`.
        quality: 1 to 100; None for the format's default.

    Raises:
        ImageError: if the disk is full.
    """

    def __init__(
        self, name: str, spool: FileIO, like: Source, kind: str, quality: int | None
    ) -> None:
        self.notes: tuple[str, ...] = ()
        """What the user should know once it is finished: what the format could not hold."""
        self._name, self._like, self._kind, self._quality = name, like, kind, quality
        target = FORMATS[kind]
        self._bits = min((b for b in target.bits if b >= BITS[like.dtype]), default=target.bits[-1])
        self._alpha = like.open_alpha() if like.open_alpha else None
        self._top, self._dtype = 0, like.dtype
        with as_image_error(name, FAILED):
            self._spool = Spool(spool)

    def append(self, band: Band) -> None:
        """Append the next rows.

        Raises:
            ImageError: if they are not rows of the picture, or the disk is full.
        """
        _check(band, self._top, self._like)
        if not band.size:
            return
        if self._alpha:
            band = np.concatenate((band, self._alpha(self._top, len(band))), axis=2)
        stored = _requantised(band, self._bits)
        with as_image_error(self._name, FAILED):
            self._spool.append(stored)
        self._top, self._dtype = self._top + len(band), stored.dtype

    def finish(self) -> None:
        """Complete the spool, which is then a picture, after all rows were appended.

        Raises:
            ImageError: if some are missing, or the disk is full.
        """
        like = self._like
        if self._top < like.height:
            raise ImageError(f"{self._top} rows were given; {like.name} has {like.height}")
        channels = like.channels + like.has_alpha
        with as_image_error(self._name, FAILED):
            self._spool.finish(like.height, like.width, channels, self._dtype)

    def encode(self, spool: Path, part: Path) -> None:
        """Turn the finished spool into a file of the format.

        Raises:
            ImageError: if it cannot be written.
        """
        quality = self._quality or FORMATS[self._kind].quality
        encode = partial(_encode, spool, part, self._like, self._kind, self._bits, quality)
        self.notes = attempt(encode, self._name, FAILED)


@contextmanager
def into_file(path: Path, like: Source, kind: str, quality: int | None) -> Iterator[Writing]:
    """A file that replaces `path` once everything has succeeded; see `codec.create`."""
    name = shown(path)
    _refuse(name, like, FORMATS[kind], quality)
    if not path.parent.is_dir():
        raise ImageError(f"{name} cannot be written: its folder does not exist")
    with ExitStack() as stack:
        with as_image_error(name, FAILED):
            spool = stack.enter_context(hidden(path))
        with spool.open("wb", buffering=0) as rows:
            writing = Writing(name, rows, like, kind, quality)
            yield writing
            writing.finish()
        with as_image_error(name, FAILED), replacing(path) as part:
            writing.encode(spool, part)


@contextmanager
def into_stream(
    stream: Writable, like: Source, kind: str, quality: int | None
) -> Iterator[Writing]:
    """Copy the finished file into a stream at once; until then it is in a temporary folder."""
    name = "the picture"
    _refuse(name, like, FORMATS[kind], quality)
    with tempfile.TemporaryDirectory() as folder:
        spool, part = Path(folder) / "rows", Path(folder) / "picture"
        with spool.open("wb", buffering=0) as rows:
            writing = Writing(name, rows, like, kind, quality)
            yield writing
            writing.finish()
        part.touch()
        writing.encode(spool, part)
        with part.open("rb") as finished, as_image_error(name, FAILED):
            shutil.copyfileobj(finished, stream)


def _depth(bits: int) -> str:
    return "32-bit float" if bits == 32 else f"{bits} bit"


def _refuse(name: str, like: Source, target: Format, quality: int | None) -> None:
    """Raise for what cannot work, before any row is fetched."""
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"quality {quality} was given; it goes from 1 to 100")
    if like.has_alpha and not target.has_alpha:
        able = ", ".join(other.name for other in FORMATS.values() if other.has_alpha)
        raise ImageError(f"{name}: {target.name} cannot carry alpha; write one of {able}")
    if max(like.height, like.width) > target.longest:
        raise ImageError(
            f"{name}: {target.name} holds at most {target.longest} pixels a side, not "
            f"{like.width}x{like.height}; write TIFF or PNG"
        )


def _check(band: Band, top: int, like: Source) -> None:
    """Raise unless these are rows of the picture, from `top` on."""
    expected = (len(band), like.width, like.channels)
    if band.dtype != like.dtype or band.shape != expected:
        raise ImageError(
            f"rows of {band.shape} {band.dtype} were given; {like.name} has {expected} {like.dtype}"
        )
    if top + len(band) > like.height:
        raise ImageError(f"more than the {like.height} rows of {like.name} were given")


def _requantised(band: Pixels, bits: int) -> Pixels:
    """The same values in this many bits; 12 bits occupy the upper bits of 16."""
    if BITS[band.dtype] == bits:
        return band
    image = pixels.to_float(band)
    if bits != 12:
        return pixels.from_float(image, np.uint8 if bits == 8 else np.uint16)
    levels: Image = np.rint(
        np.fmin(np.fmax(image, np.float32(0)), np.float32(1)) * np.float32(4095)
    )
    return levels.astype(np.uint16) << np.uint16(4)


def _encode(
    spool: Path, part: Path, like: Source, kind: str, bits: int, quality: int | None
) -> tuple[str, ...]:
    """Turn the spooled rows into a file, and return notes on what it could not hold."""
    target = FORMATS[kind]
    image, notes = _assemble(spool, like, target, bits)
    _save(image, part, kind, bits, quality)
    if kind == "tiff":
        metadata.attach_to_tiff(like.metadata, part)
    lost = metadata.lost(like.metadata, _written(part))
    forget()
    if bits < BITS[like.dtype]:
        least = f"{_depth(BITS[like.dtype])} became {_depth(bits)}"
        notes.append(f"{least}, the most that {target.name} holds")
    notes += [f"{target.name} could not carry the {name}" for name in lost]
    return tuple(notes)


def _assemble(
    spool: Path, like: Source, target: Format, bits: int
) -> tuple[pyvips.Image, list[str]]:
    """The spooled rows as a picture, with all its metadata."""
    space = SPACES[16 if bits == 12 else bits][like.channels > 1]
    source = pyvips.Source.new_from_file(os.fsencode(spool))
    image = pyvips.Image.new_from_source(source, "", access="sequential", fail_on="error")
    image = image.copy(interpretation=space)
    image = metadata.attach(like.metadata, image, has_iptc=target.name == "JPEG")
    profile = like.metadata.blocks.get("icc-profile-data", b"")
    if target.has_grey or profile[16:20] != b"GRAY":
        return image, []
    # a grey profile is invalid for the RGB that this format makes of grey
    image = image.icc_transform("srgb", embedded=True, depth=16 if bits > 8 else 8)
    note = f"the profile of grey was converted to sRGB, since {target.name} holds only RGB"
    return image, [note]


def _save(image: pyvips.Image, part: Path, kind: str, bits: int, quality: int | None) -> None:
    name = os.fsencode(part)
    size = image.width * image.height * image.bands * bits // 8
    lossless = quality == 100
    match kind:
        case "jpeg":
            image.jpegsave(name, Q=quality, subsample_mode="off")
        case "png":
            image.pngsave(name, compression=6, filter="all")
        case "tiff":
            predictor = "float" if bits == 32 else "horizontal"
            image.tiffsave(name, compression="deflate", predictor=predictor, bigtiff=size > BIG)
        case "webp":
            image.webpsave(name, Q=quality, lossless=lossless, exact=True)
        case "avif":
            options = {"bitdepth": bits, "lossless": lossless, "subsample_mode": "off"}
            image.heifsave(name, compression="av1", Q=quality, **options)


def _written(path: Path) -> metadata.Metadata:
    """The metadata that is really in the file, since libvips may silently omit some."""
    image = pyvips.Image.new_from_source(pyvips.Source.new_from_file(os.fsencode(path)), "")
    return metadata.gather(image, lambda: path.open("rb"))
