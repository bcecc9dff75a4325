"""HEIC and HEIF, decoded by libheif (the extra `heif`): the photographs of phones.

libvips' wheel leaves out HEVC, the compression inside, for its patents. libheif turns the picture
upright itself and decodes it as a whole, into memory. Nothing is written: the results are AVIF,
which is the same container with a free compression.
"""

from functools import partial
from typing import Any

import numpy as np
import pyvips

from mirnet.errors import ImageError
from mirnet.pictures import metadata
from mirnet.pictures.decoders import FAILED, reading
from mirnet.pictures.metadata import Metadata
from mirnet.pictures.source import File, Rows, Source
from mirnet.shapes import Pixels

SUFFIXES = frozenset({".heic", ".heif", ".hif"})
"""Usual suffixes, lower-case; the content decides."""

BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
"""What the box at the beginning of the file may call the file."""

AVIF_BRANDS = {b"avif", b"avis"}
"""The same container with AV1 inside, which libvips reads."""

LONGEST_HEAD = 512
"""Bytes of the first box that are looked at."""

CURVES = {16: "PQ", 18: "HLG"}
"""Curves of HDR, by their numbers in ITU-T H.273."""

BT_2020, DISPLAY_P3 = 9, 12
"""Primaries, by their numbers in ITU-T H.273. All others are taken for those of sRGB."""

APPLE_GAIN_MAP = "urn:com:apple:photo:2020:aux:hdrgainmap"


def is_heic(file: File) -> bool:
    """Whether the content says that it is HEIC or HEIF, and not AVIF. Missing files are not."""
    try:
        with file.open() as opened:
            head = opened.read(LONGEST_HEAD)
    except OSError:
        return False
    if head[4:8] != b"ftyp":
        return False
    box = head[: int.from_bytes(head[:4], "big")]
    brands = {box[8:12], *(box[start : start + 4] for start in range(16, len(box), 4))}
    return bool(brands & BRANDS) and not brands & AVIF_BRANDS


def open_picture(file: File) -> Source:
    """Read the header. The picture is decoded, whole, when its first rows are read.

    8 bits stay 8; 10 and 12 become 16, white as white.

    Raises:
        ImageError: if pillow-heif is missing, or the file is damaged or holds HDR, which no format
            would keep.
    """
    pillow_heif = _pillow_heif(file)
    with reading(file), file.open() as opened:
        images = pillow_heif.open_heif(opened.read(), convert_hdr_to_8bit=False)
        image = images[images.primary_index]
    _refuse(file, image)
    mode, _, deep = image.mode.partition(";")
    bits = image.info["bit_depth"] if deep else 8
    width, height = image.size
    fetch = _Decoded(file, image, bits)
    has_alpha = mode.endswith("A")
    channels = 3 if mode.startswith("RGB") else 1
    return Source(
        name=file.name,
        height=height,
        width=width,
        dtype=np.dtype(np.uint16 if deep else np.uint8),
        channels=channels,
        metadata=_metadata(image.info),
        rows=partial(fetch, slice(channels)),
        open_alpha=partial(_alpha, fetch) if has_alpha else None,
        depth=bits if deep else None,
        notes=_notes(image, len(images)),
    )


def size(file: File) -> tuple[int, int]:
    """Height and width, upright, without decoding.

    Raises:
        ImageError: as `open_picture` does.
    """
    source = open_picture(file)
    return source.height, source.width


class _Decoded:
    """Rows of a picture, which is decoded at the first call."""

    def __init__(self, file: File, image: Any, bits: int) -> None:  # noqa: ANN401 - untyped
        self._file, self._image, self._bits = file, image, bits
        self._pixels: Pixels | None = None

    def __call__(self, channels: slice, top: int, count: int) -> Pixels:
        if self._pixels is None:
            with reading(self._file):
                pixels = np.asarray(self._image)
            self._pixels = pixels.reshape(*pixels.shape[:2], -1)
        rows = self._pixels[top : top + count, :, channels]
        # libheif shifts 10 and 12 bits up, so that white would be less than white
        return rows | (rows >> self._bits) if rows.dtype == np.uint16 else rows


def _alpha(fetch: _Decoded) -> Rows:
    return partial(fetch, slice(-1, None))


def _refuse(file: File, image: Any) -> None:  # noqa: ANN401 - untyped
    if image.mode.partition(";")[0].endswith("a"):
        raise ImageError(f"{file.name} {FAILED}: its alpha is multiplied into its colours")
    profile = image.info.get("nclx_profile", {})
    if "icc_profile" in image.info or not profile:
        return
    if curve := CURVES.get(profile["transfer_characteristics"]):
        raise ImageError(
            f"{file.name} {FAILED}: it is HDR ({curve}), which would be lost; save it as SDR first"
        )
    if profile["color_primaries"] == BT_2020:
        raise ImageError(
            f"{file.name} {FAILED}: its colours are those of BT.2020 without a profile; convert "
            "it to sRGB or Display P3 first"
        )


def _notes(image: Any, count: int) -> tuple[str, ...]:  # noqa: ANN401 - untyped
    """What the restored picture will not have."""
    notes = {
        f"holds {count} pictures, only the main one is restored": count > 1,
        "its HDR gain map is left out": APPLE_GAIN_MAP in image.info.get("aux", {}),
        "its depth map is left out": bool(image.info.get("depth_images")),
    }
    return tuple(note for note, is_so in notes.items() if is_so)


def _metadata(info: dict[str, Any]) -> Metadata:
    blocks = {
        "exif-data": info.get("exif"),
        "xmp-data": (info.get("xmp") or b"").rstrip(b"\0"),
        "icc-profile-data": info.get("icc_profile"),
    }
    profile = info.get("nclx_profile", {})
    if not blocks["icc-profile-data"] and profile.get("color_primaries") == DISPLAY_P3:
        blocks["icc-profile-data"] = bytes(pyvips.Operation.call("profile_load", "p3"))
    return metadata.of_blocks({name: block for name, block in blocks.items() if block})


def _pillow_heif(file: File) -> Any:  # noqa: ANN401 - a module that may be missing
    try:
        import pillow_heif
    except ImportError:
        message = f'{file.name} is HEIC, which takes pillow-heif: pip install "mirnet[heif]"'
        raise ImageError(message) from None
    return pillow_heif
