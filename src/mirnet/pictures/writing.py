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
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyvips

from mirnet.errors import ImageError
from mirnet.pictures import dng, metadata, pixels, vips
from mirnet.pictures.loading import HEAD, kind_of, load
from mirnet.pictures.source import Band, Source
from mirnet.pictures.spool import Spool
from mirnet.pictures.vips import as_image_error, attempt, forget, shown
from mirnet.shapes import Image, Pixels
from mirnet.system.files import check, hidden, replacing


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

# Time and size of a noisy and a clean patch of 256, from 24 photographs with camera noise: without
# compression 1.3 ms and 395 KB; level 1 3.5 ms and 275 KB, since it does not compress noise;
# level 2 5.0 ms and 198 KB; level 6 8.1 ms and 192 KB, with all filters 11.7 ms and 184 KB.
FAST = {"compression": 2, "filter": "up"}
"""Options of a PNG that is written fast."""

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
        self._like.check(band, self._top)
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
        if self._kind == "webp" and self._like.is_lossless_webp and not self._quality:
            quality = 100
        encode = partial(_encode, spool, part, self._like, self._kind, self._bits, quality)
        self.notes = attempt(encode, self._name, FAILED)


AnyWriting = Writing | dng.Writing
"""A picture being written, in any format."""


@contextmanager
def into_file(path: Path, like: Source, kind: str, quality: int | None) -> Iterator[AnyWriting]:
    """A file that replaces `path` once everything has succeeded; see `codec.create`."""
    name = shown(path)
    _refuse(name, like, kind, quality)
    if not path.parent.is_dir():
        raise ImageError(f"{name} cannot be written: its folder does not exist")
    with as_image_error(name, FAILED):
        check(path)
        if path.is_char_device():
            raise ImageError(f"{name} cannot be written: it is a device, not a file")
    with ExitStack() as stack:
        with as_image_error(name, FAILED):
            spool = stack.enter_context(hidden(path))
        with spool.open("wb", buffering=0) as rows:
            writing = _begin(name, rows, like, kind, quality)
            yield writing
            writing.finish()
        with as_image_error(name, FAILED), replacing(path) as part:
            writing.encode(spool, part)


@contextmanager
def into_stream(
    stream: Writable, like: Source, kind: str, quality: int | None
) -> Iterator[AnyWriting]:
    """Copy the finished file into a stream at once; until then it is in a temporary folder."""
    name = "the picture"
    _refuse(name, like, kind, quality)
    with tempfile.TemporaryDirectory() as folder:
        spool, part = Path(folder) / "rows", Path(folder) / "picture"
        with spool.open("wb", buffering=0) as rows:
            writing = _begin(name, rows, like, kind, quality)
            yield writing
            writing.finish()
        part.touch()
        writing.encode(spool, part)
        with part.open("rb") as finished, as_image_error(name, FAILED):
            shutil.copyfileobj(finished, stream)


def _depth(bits: int) -> str:
    return "32-bit float" if bits == 32 else f"{bits} bit"


def _begin(name: str, spool: FileIO, like: Source, kind: str, quality: int | None) -> AnyWriting:
    return (
        dng.Writing(name, spool, like)
        if kind == dng.NAME
        else Writing(name, spool, like, kind, quality)
    )


def _refuse(name: str, like: Source, kind: str, quality: int | None) -> None:
    """Raise for what cannot work, before any row is fetched."""
    if kind == dng.NAME:
        dng.refuse(name, like, quality)
        return
    if like.negative is not None:
        raise ImageError(f"{name}: {like.name} was opened for DNG: write that")
    target = FORMATS[kind]
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"quality must be 1 to 100, got {quality}")
    if like.has_alpha and not target.has_alpha:
        able = ", ".join(other.name for other in FORMATS.values() if other.has_alpha)
        raise ImageError(f"{name}: {target.name} cannot carry alpha; write one of {able}")
    if max(like.height, like.width) > target.longest:
        raise ImageError(
            f"{name}: {target.name} holds at most {target.longest} pixels a side, not "
            f"{like.width}x{like.height}; write TIFF or PNG"
        )


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
    if kind == "jpeg":
        metadata.attach_comments(like.metadata, part)
    written = _open_written(part)
    is_exif_of_libvips = kind != "tiff" and "exif-data" in vips.fields(written)
    if is_exif_of_libvips and not like.metadata.has_exif_colour_space:
        metadata.drop_colour_space(part, bytes(written.get("exif-data")))
        written = _open_written(part)
    lost = metadata.lost(like.metadata, metadata.gather(written, lambda: part.open("rb")))
    forget()
    had = like.depth or BITS[like.dtype]
    if bits < had:
        least = f"{_depth(had)} became {_depth(bits)}"
        notes.append(f"{least}, the most that {target.name} holds")
    notes += [f"{target.name} could not carry the {name}" for name in lost]
    return tuple(notes)


def _assemble(
    spool: Path, like: Source, target: Format, bits: int
) -> tuple[pyvips.Image, list[str]]:
    """The spooled rows as a picture, with all its metadata."""
    space = SPACES[16 if bits == 12 else bits][like.channels > 1]
    source = pyvips.Source.new_from_file(os.fsencode(spool))
    image = load(source, "tiff").copy(interpretation=space)
    image = metadata.attach(like.metadata, image, has_iptc=target.name == "JPEG")
    profile = like.metadata.blocks.get("icc-profile-data", b"")
    if target.has_grey or profile[16:20] != b"GRAY":
        return image, []
    # a grey profile is invalid for the RGB that this format makes of grey
    image = image.icc_transform("srgb", embedded=True, depth=16 if bits > 8 else 8)
    note = f"the profile of grey was converted to sRGB, since {target.name} holds only RGB"
    return image, [note]


def encode(
    picture: Pixels, kind: str, quality: int | None = None, *, is_fast: bool = False
) -> bytes:
    """The bytes of a picture file without metadata; see `codec.encode`."""
    like = Source.of(picture)
    target, bits = FORMATS[kind], BITS[like.dtype]
    _refuse("the picture", like, kind, quality)
    if bits not in target.bits:
        raise ImageError(f"{target.name} does not hold {_depth(bits)}")
    space = SPACES[bits][like.channels > 1]
    # copied if it is a view, such as a flipped one
    image = pyvips.Image.new_from_array(np.ascontiguousarray(picture)).copy(interpretation=space)
    save, options = _saver(image, kind, bits, quality or target.quality)
    if is_fast and kind == "png":
        options |= FAST
    encoded: bytes = attempt(
        lambda: getattr(image, f"{save}_buffer")(keep="none", **options), "the picture", FAILED
    )
    return encoded


def _save(image: pyvips.Image, part: Path, kind: str, bits: int, quality: int | None) -> None:
    save, options = _saver(image, kind, bits, quality)
    getattr(image, save)(os.fsencode(part), **options)


def _saver(
    image: pyvips.Image, kind: str, bits: int, quality: int | None
) -> tuple[str, dict[str, Any]]:
    """The operation of libvips that writes this format, and its options."""
    size = image.width * image.height * image.bands * bits // 8
    lossless = quality == 100
    match kind:
        case "jpeg":
            return "jpegsave", {"Q": quality, "subsample_mode": "off"}
        case "tiff":
            predictor = "float" if bits == 32 else "horizontal"
            options = {"compression": "deflate", "predictor": predictor, "bigtiff": size > BIG}
            return "tiffsave", options
        case "webp":
            return "webpsave", {"Q": quality, "lossless": lossless, "exact": True}
        case "avif":
            options = {"bitdepth": bits, "lossless": lossless, "subsample_mode": "off"}
            return "heifsave", {"compression": "av1", "Q": quality, **options}
    return "pngsave", {"compression": 6, "filter": "all"}


def _open_written(path: Path) -> pyvips.Image:
    """The file as it really is, since libvips may silently omit some metadata."""
    with path.open("rb") as file:
        kind = kind_of(file.read(HEAD)) or ""
    image = load(pyvips.Source.new_from_file(os.fsencode(path)), kind)
    forget()  # a file that is changed in place is read anew
    return image
