"""JPEG XL, decoded by libjxl (the extra `jxl`), in 8 bits.

libvips' wheel leaves it out. libjxl turns the picture upright itself, by what the codestream says,
and decodes it as a whole, into memory. pylibjxl gives 8 bits and no more, so that deeper pictures
are refused. Nothing is written: the results are AVIF.
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mirnet.errors import ImageError
from mirnet.pictures import jxl_header, metadata, profiles, tiff
from mirnet.pictures.decoders import FAILED, reading
from mirnet.pictures.jxl_header import ALPHA, BLACK, CONTAINER, D65, GREY, RGB, SRGB, Header
from mirnet.pictures.metadata import Metadata
from mirnet.pictures.profiles import BT_709_CURVE, SRGB_CURVE, Curve, Point
from mirnet.pictures.source import File, Rows, Source
from mirnet.shapes import Pixels

if TYPE_CHECKING:
    from types import ModuleType

SUFFIXES = frozenset({".jxl"})
"""Usual suffixes, lower-case; the content decides."""

MOST_PIXELS = 1 << 28
"""Pixels of a picture that is decoded: what level 5 of the format allows, that of photographs."""

GAIN_MAP = b"jhgm"
"""Name of the box with an HDR gain map."""

HDR_CURVES = {16: "PQ", 18: "HLG"}
BT_709, LINEAR, SRGB_LIKE, CINEMA = 1, 8, 13, 17
CURVES: dict[int, Curve] = {
    BT_709: BT_709_CURVE,
    LINEAR: (1.0,),
    SRGB_LIKE: SRGB_CURVE,
    CINEMA: (2.6,),
}
"""Curves, by their numbers in ITU-T H.273."""

WHITES: dict[int, Point] = {D65: (0.3127, 0.3290), 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
PRIMARIES: dict[int, tuple[Point, Point, Point]] = {
    SRGB: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""Points of what the header says by a number."""

TIFF_HEADS = (b"II*\0", b"MM\0*")
LONGEST_OFFSET = 64
"""Bytes that are searched for the beginning of EXIF: some programs write its name before it."""


def is_jxl(file: File) -> bool:
    """Whether the content says that it is JPEG XL. Missing files are not."""
    try:
        with file.open() as opened:
            return jxl_header.is_jxl(opened.read(len(CONTAINER)))
    except OSError:
        return False


def open_picture(file: File) -> Source:
    """Decode a picture; of an animation, the first frame.

    Raises:
        ImageError: if pylibjxl is missing, or the file is damaged, too large, or holds what 8 bits
            of grey or RGB do not keep.
    """
    pylibjxl = _pylibjxl(file)
    with reading(file):
        content = _content(file)
        height, width = _size(file, content, pylibjxl)
        header = jxl_header.read(content)
        _refuse(file, header)
        # the profile and the boxes come only with the pixels, and of the last frame
        pixels, found = pylibjxl.decode(content, metadata=True)
        if header.is_animation:
            pixels = pylibjxl.decode(content)
        carried = _metadata(header, found)
    pixels = pixels.reshape(height, width, -1)
    channels = 3 if pixels.shape[2] >= 3 else 1
    has_alpha = pixels.shape[2] > channels
    return Source(
        name=file.name,
        height=height,
        width=width,
        dtype=np.dtype(np.uint8),
        channels=channels,
        metadata=carried,
        rows=_rows(pixels[..., :channels]),
        open_alpha=partial(_rows, pixels[..., channels:]) if has_alpha else None,
        notes=_notes(header, content),
    )


def size(file: File) -> tuple[int, int]:
    """Height and width, upright, without decoding.

    Raises:
        ImageError: as `open_picture` does.
    """
    pylibjxl = _pylibjxl(file)
    with reading(file):
        content = _content(file)
        _refuse(file, jxl_header.read(content))
        return _size(file, content, pylibjxl)


def _content(file: File) -> bytes:
    with file.open() as opened:
        return opened.read()


def _size(file: File, content: bytes, pylibjxl: "ModuleType") -> tuple[int, int]:
    found = pylibjxl.probe(content)
    height, width = found["height"], found["width"]
    if height * width > MOST_PIXELS:
        raise ImageError(
            f"{file.name} {FAILED}: it has {height * width / 1e6:,.0f} megapixels, and JPEG XL is "
            f"read up to {MOST_PIXELS / 1e6:,.0f}; convert it to TIFF first"
        )
    return height, width


def _rows(pixels: Pixels) -> Rows:
    return lambda top, count: pixels[top : top + count]


def _refuse(file: File, header: Header) -> None:
    """Refuse what would come out changed."""
    colours = header.colours
    alphas = [extra for extra in header.extras if extra.kind == ALPHA]
    depths = [header.depth, *(alpha.depth for alpha in alphas)]
    deepest = max(depth.bits for depth in depths)
    # libjxl then gives linear light, of which 8 bits lose the shadows
    is_made_linear = header.is_xyb and (
        colours.has_profile or (colours.space == GREY and colours.white != D65)
    )
    is_unknown = not colours.has_profile and (
        colours.space not in (RGB, GREY)
        or (isinstance(colours.curve, int) and colours.curve not in {*CURVES, *HDR_CURVES})
        or (isinstance(colours.white, int) and colours.white not in WHITES)
        or (isinstance(colours.primaries, int) and colours.primaries not in PRIMARIES)
    )
    reasons = {
        "it is CMYK; convert it to RGB first": any(e.kind == BLACK for e in header.extras),
        f"it is HDR ({HDR_CURVES.get(int(colours.curve))}), which would be lost; save it as SDR "
        "first": isinstance(colours.curve, int) and colours.curve in HDR_CURVES,
        "it holds floats, and pylibjxl gives 8 bits; convert it to TIFF first": any(
            depth.is_float for depth in depths
        ),
        f"it has {deepest} bits, and pylibjxl gives 8; convert it to a 16-bit TIFF or PNG first": (
            deepest > 8
        ),
        "its alpha is multiplied into its colours": any(a.is_premultiplied for a in alphas),
        "pylibjxl does not give its colours in its own profile; convert it to TIFF or PNG first": (
            is_made_linear
        ),
        "its colour space is not known; convert it to TIFF or PNG first": is_unknown,
    }
    for reason, is_so in reasons.items():
        if is_so:
            raise ImageError(f"{file.name} {FAILED}: {reason}")


def _notes(header: Header, content: bytes) -> tuple[str, ...]:
    """What the restored picture will not have."""
    bits = header.depth.bits
    kinds = [extra.kind for extra in header.extras]
    notes = {
        "is an animation, only the first frame is restored": header.is_animation,
        f"{bits} bit is written as 8 bit": bits < 8,
        "its channels besides colour and alpha are left out": (
            kinds.count(ALPHA) > 1 or any(kind != ALPHA for kind in kinds)
        ),
        "its HDR gain map is left out": any(
            name == GAIN_MAP for name, _ in jxl_header.boxes(content)
        ),
    }
    return tuple(note for note, is_so in notes.items() if is_so)


def _metadata(header: Header, found: dict[str, bytes]) -> Metadata:
    blocks = {
        "exif-data": _exif(found.get("exif", b"")),
        "xmp-data": found.get("xmp", b"").rstrip(b"\0"),
        "icc-profile-data": found.get("icc", b"") or _profile(header),
    }
    return metadata.of_blocks({name: block for name, block in blocks.items() if block})


def _exif(block: bytes) -> bytes:
    """EXIF from where it begins: pylibjxl drops the box's four bytes that tell where that is."""
    starts = [block.find(head, 0, LONGEST_OFFSET) for head in TIFF_HEADS]
    found = [start for start in starts if start >= 0]
    return tiff.HEADER + block[min(found) :] if found else b""


def _profile(header: Header) -> bytes:
    """The profile of colours that the file describes by numbers; none for those of sRGB."""
    colours = header.colours
    white, primaries, curve = colours.white, colours.primaries, colours.curve
    if colours.has_profile or (white, primaries, curve) == (D65, SRGB, SRGB_LIKE):
        return b""
    point = WHITES[white] if isinstance(white, int) else white
    shape = CURVES[curve] if isinstance(curve, int) else (curve,)
    if colours.space == GREY:
        return profiles.grey(point, shape)
    three = PRIMARIES[primaries] if isinstance(primaries, int) else primaries
    return profiles.rgb(point, three, shape)


def _pylibjxl(file: File) -> "ModuleType":
    try:
        import pylibjxl
    except ImportError:
        message = f'{file.name} is JPEG XL, which takes pylibjxl: pip install "mirnet[jxl]"'
        raise ImageError(message) from None
    return pylibjxl
