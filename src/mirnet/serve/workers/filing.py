"""Opening and writing the files of clients, in a process of its own: a file may crash a decoder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from mirnet.pictures import codec, enlarging, jxl, raw
from mirnet.pictures.codec import FORMATS, File, Source
from mirnet.pictures.pixels import from_float, to_float
from mirnet.restoration.layered import Area, render
from mirnet.serve.problems import Problem
from mirnet.serve.workers import arrays, screen
from mirnet.serve.workers.turnstile import Cancelled, Visitor
from mirnet.serve.workers.worker import Message, Report

NAME = "the picture"
"""Name in messages: that of the client is not known here."""

LOADERS = ("Jpeg", "Png", "Tiff", "Webp", "Heif")
"""Parsers of libvips that see the files of clients."""

ROWS = 256
"""Rows decoded or written at a time, between which a task can be cancelled."""


class Filing:
    """The role of a process that opens and writes files."""

    def __init__(self) -> None:
        pyvips.cache_set_max(0)
        # before any file is opened: libvips would let dozens of parsers have a look at it
        pyvips.operation_block_set("VipsForeignLoad", True)
        for name in LOADERS:
            pyvips.operation_block_set(f"VipsForeignLoad{name}", False)

    def facts(self) -> Message:
        """Nothing: it can do what the package can."""
        return {}

    def tasks(self) -> dict[str, Callable[[Message, Report, Visitor], Message]]:
        """Inspect, decode, thumbnail and encode."""
        return {
            "inspect": self._inspect,
            "decode": self._decode,
            "thumbnail": self._thumbnail,
            "encode": self._encode,
        }

    def cancel(self, visitor: Visitor) -> None:
        """Stop before the next rows."""
        visitor.is_cancelled = True

    def _inspect(self, message: Message, report: Report, visitor: Visitor) -> Message:
        """Read the header, and refuse what is too large before any pixel is decoded."""
        file = File(Path(message["path"]), NAME)
        height, width = (side * message["scale"] for side in codec.size(file))
        megapixels = height * width / 1e6
        if megapixels > message["megapixels"]:
            picture = "the picture" if message["scale"] == 1 else "the enlarged picture"
            raise Problem(
                "too_many_pixels",
                f"{picture} has {megapixels:,.1f} megapixels ({width}x{height}); this server "
                f"takes {message['megapixels']:g} at most",
            )
        kind = _kind(file)
        able = list(FORMATS)
        has_alpha = False
        if file.suffix not in raw.SUFFIXES:
            source = codec.open(file)
            has_alpha, longest = source.has_alpha, max(height, width)
            able = [
                name
                for name, one in FORMATS.items()
                if longest <= one.longest and (one.has_alpha or not has_alpha)
            ]
        return {
            "height": height,
            "width": width,
            "format": kind,
            "formats": able,
            "has_alpha": has_alpha,
        }

    def _decode(self, message: Message, report: Report, visitor: Visitor) -> Message:
        """Decode the whole picture into an array on disk."""
        folder, scale = Path(message["folder"]), message["scale"]
        source = codec.open(File(folder / message["upload"], NAME))
        if source.height * source.width * scale**2 / 1e6 > message["megapixels"]:
            raise Problem("too_many_pixels", "the picture has more pixels than its header said")
        _keep_pixels(source, folder / (arrays.ORIGINAL if scale == 1 else arrays.SMALL), visitor)
        _keep_profile(source, folder, message["task"])
        if scale > 1:
            small = Source.of(arrays.read(folder / arrays.SMALL))
            enlarged = enlarging.enlarged(small, scale)
            _keep_pixels(enlarged, folder / arrays.ORIGINAL, visitor)
            source = enlarging.enlarged(source, scale)
        _keep_alpha(source, folder)
        return {
            "height": source.height,
            "width": source.width,
            "channels": source.channels,
            "dtype": source.dtype.name,
            "notes": list(source.notes),
        }

    def _thumbnail(self, message: Message, report: Report, visitor: Visitor) -> Message:
        """A small JPEG of the picture, as a screen shows it."""
        folder, side = Path(message["folder"]), int(message["side"])
        target = folder / arrays.THUMBNAIL
        if (folder / arrays.ORIGINAL).exists() and message["is_decoded"]:
            original = arrays.read(folder / arrays.ORIGINAL)
            step = max(1, max(original.shape[:2]) // (2 * side))
            pixels = np.ascontiguousarray(original[::step, ::step])
            shown = screen.shown(pixels, folder / arrays.PROFILE)
            image = pyvips.Image.new_from_array(shown).thumbnail_image(side)
        else:
            file = File(folder / message["upload"], NAME)
            if codec.is_decoded_elsewhere(file):
                source = codec.open(file)
                _keep_profile(source, folder, message["task"])
                shown = screen.shown(codec.whole(source), folder / arrays.PROFILE)
                image = pyvips.Image.new_from_array(shown)
                image = image.thumbnail_image(side)
            else:
                codec.size(file)  # refuses loaders that we do not mean
                # through a descriptor: libvips would read options in a name
                source = pyvips.Source.new_from_file(str(folder / message["upload"]))
                image = pyvips.Image.thumbnail_source(
                    source, side, export_profile="srgb", fail_on="error"
                )
            if image.hasalpha():
                image = image.flatten(background=255)
        part = folder / f".{arrays.THUMBNAIL}.{message['task']}"
        image.jpegsave(str(part), Q=80, keep="none")
        part.replace(target)
        return {}

    def _encode(self, message: Message, report: Report, visitor: Visitor) -> Message:
        """Write the restored picture in a format, with everything that the original carries."""
        folder, target = Path(message["folder"]), Path(message["target"])
        source = codec.open(File(folder / message["upload"], NAME))
        if message["scale"] > 1:  # only for what is not pixels: these are known
            source = enlarging.enlarged(source, message["scale"])
        rows = _rows(folder, source, message)
        with codec.create(
            target, source, format=message["format"], quality=message["quality"]
        ) as file:
            for top in range(0, source.height, ROWS):
                if visitor.is_cancelled:
                    raise Cancelled
                file.append(rows(top, min(ROWS, source.height - top)))
        return {"notes": list(file.notes), "bytes": target.stat().st_size}


def _keep_pixels(source: Source, path: Path, visitor: Visitor) -> None:
    """Write a picture's pixels into an array on disk."""
    array = arrays.create(path, (source.height, source.width, source.channels), source.dtype)
    for top in range(0, source.height, ROWS):
        if visitor.is_cancelled:
            raise Cancelled
        rows = source.read(ROWS)
        array[top : top + len(rows)] = rows


def _keep_alpha(source: Source, folder: Path) -> None:
    """Write the picture's opacity, if it has any, for views; results take the file's own."""
    if not source.open_alpha:
        return
    rows = source.open_alpha()
    array = arrays.create(folder / arrays.ALPHA, (source.height, source.width, 1), np.uint8)
    for top in range(0, source.height, ROWS):
        part = rows(top, min(ROWS, source.height - top))
        array[top : top + len(part)] = from_float(to_float(part), np.uint8)


def _keep_profile(source: Source, folder: Path, task: object) -> None:
    """Write the picture's profile, if it has one, where the colours on the screen are made."""
    profile = source.metadata.blocks.get("icc-profile-data")
    if profile:
        part = folder / f".{arrays.PROFILE}.{task}"
        part.write_bytes(profile)
        part.replace(folder / arrays.PROFILE)


def _rows(
    folder: Path, source: Source, message: Message
) -> Callable[[int, int], np.ndarray[Any, Any]]:
    """Fetches rows of the result."""
    if not message["layers"]:
        restored = arrays.read(folder / arrays.RESTORED)
        return lambda top, count: np.asarray(restored[top : top + count])
    original = arrays.read(folder / arrays.ORIGINAL)
    removed = arrays.read(folder / arrays.REMOVED)
    strength, judges_light = float(message["strength"]), bool(message["judges_light"])
    return lambda top, count: render(
        original,
        removed,
        strength,
        Area(top, 0, count, source.width),
        judges_light=judges_light,
    )


def _kind(file: File) -> str:
    """Name of the format in which the result is written if none is asked for."""
    if file.suffix in raw.SUFFIXES:
        return "tiff"
    if jxl.is_jxl(file):
        return "avif"
    with file.open() as stream:
        head = stream.read(16)
    if head.startswith(b"\xff\xd8"):
        return "jpeg"
    if head.startswith(b"\x89PNG"):
        return "png"
    if head.startswith(b"RIFF"):
        return "webp"
    if head[4:8] == b"ftyp":
        return "avif"
    return "tiff"
