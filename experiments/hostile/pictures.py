"""Small pictures of every format that is read, and their mutations."""

import io
import random
import struct
import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyvips
from PIL import Image

from hostile import damage
from hostile.verdict import randomness

HEIGHT, WIDTH = 40, 48

EXTREMES = (0, 1, 2, 3, 7, 8, 9, 16, 255, 256, 1000, 4097, 32768, 65535)
LARGE = (*EXTREMES, 65536, 100_000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass(frozen=True)
class Mutation:
    """A picture file that is not what it was."""

    content: bytes
    suffix: str
    base: str
    """Name of the undamaged picture in `bases`."""
    how: str
    """Name of the damage."""


@cache
def bases() -> dict[str, tuple[str, bytes]]:
    """Undamaged pictures by name: suffix and bytes. Names begin with their group in the table."""
    return {**_jpegs(), **_pngs(), **_tiffs(), **_webps(), **_avifs()}


def group(base: str) -> str:
    """The table's group of a base, as in `TIFF tiles deflate`."""
    return base.partition(",")[0]


def mutated(seed: int, number: int) -> Mutation:
    """The mutation of this number; every base gets its turn, with damage by chance."""
    rng = randomness(seed, "pictures", number)
    names = list(bases())
    name = names[number % len(names)]
    suffix, content = bases()[name]
    choice = rng.random()
    if choice < 0.55:
        damaging = rng.choice(damage.ALL)
        return Mutation(damaging(content, rng), suffix, name, damaging.__name__)
    if choice < 0.65:
        kindred = [each for each in names if group(each).split()[0] == group(name).split()[0]]
        other = bases()[rng.choice(kindred if rng.random() < 0.5 else names)][1]
        return Mutation(damage.splice(content, other, rng), suffix, name, "splice")
    if choice < 0.95:
        return Mutation(_lie(content, rng), suffix, name, "lie")
    if choice < 0.98:
        other_suffix = rng.choice([each for each, _ in bases().values() if each != suffix])
        return Mutation(content, other_suffix, name, "suffix")
    return Mutation(rng.choice(STRANGERS), suffix, name, "stranger")


STRANGERS = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="48" height="40"><rect width="9" height="9"/>'
    b'<image href="file:///etc/passwd" width="9" height="9"/></svg>',
    b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
    b"P6\n2 2\n255\n" + bytes(12),
    b"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'label:@/etc/passwd'\npop",
    b"BM" + struct.pack("<IHHIIiiHHIIiiII", 66, 0, 0, 54, 40, 2, 2, 1, 24, 0, 12, 1, 1, 0, 0),
    b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\x80\x80\x80\x80",
    b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800),
    b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\x01IM",
    b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
    b"\x08\xf2\xa6\xb6" + bytes(60),
    b"\0",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0\x08\0\0\0",
    b"",
)
"""Content of other kinds, under the suffix of a picture: no other parser may see it."""


def _scene(channels: int, white: int = 255) -> np.ndarray:
    """A gradient with noise, the same every time."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    light = (rows / HEIGHT + columns / WIDTH)[..., None] / 2 * np.linspace(1, 0.6, channels)
    noisy = np.clip(light + np.random.default_rng(0).normal(0, 0.05, light.shape), 0, 1)
    levels: np.ndarray = np.rint(noisy * white).astype(np.uint8 if white == 255 else np.uint16)
    return levels


def _pillow(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, **options)  # type: ignore[arg-type]
    return file.getvalue()


def _vips(pixels: np.ndarray, suffix: str, **options: object) -> bytes:
    written: bytes = pyvips.Image.new_from_array(pixels).write_to_buffer(suffix, **options)
    return written


def _jpegs() -> dict[str, tuple[str, bytes]]:
    colour, grey = Image.fromarray(_scene(3)), Image.fromarray(_scene(1)[..., 0])
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "a scene", 6
    made: dict[str, tuple[Image.Image, dict[str, object]]] = {
        "JPEG baseline": (colour, {"quality": 90}),
        "JPEG baseline, 4:4:4 and comment": (colour, {"subsampling": 0, "comment": b"a scene"}),
        "JPEG baseline, restarts": (colour, {"restart_marker_blocks": 2}),
        "JPEG baseline, EXIF": (colour, {"exif": exif.tobytes(), "dpi": (300, 300)}),
        "JPEG baseline, optimised": (colour, {"optimize": True, "quality": 30}),
        "JPEG progressive": (colour, {"progressive": True}),
        "JPEG grey": (grey, {}),
        "JPEG CMYK": (colour.convert("CMYK"), {}),
    }
    return {
        name: (".jpg", _pillow(picture, format="JPEG", **options))
        for name, (picture, options) in made.items()
    }


def _pngs() -> dict[str, tuple[str, bytes]]:
    colour = Image.fromarray(_scene(3))
    return {
        "PNG 8 bit, RGB": (".png", _pillow(colour, format="PNG")),
        "PNG 8 bit, RGBA": (".png", _vips(_scene(4), ".png")),
        "PNG 8 bit, palette": (".png", _pillow(colour.quantize(64), format="PNG")),
        "PNG 8 bit, 1 bit": (".png", _pillow(colour.convert("1"), format="PNG")),
        "PNG 8 bit, interlaced": (".png", _vips(_scene(3), ".png", interlace=True)),
        "PNG 16 bit, RGB": (".png", _vips(_scene(3, 65535), ".png")),
        "PNG 16 bit, grey": (".png", _vips(_scene(1, 65535), ".png")),
    }


def _tiffs() -> dict[str, tuple[str, bytes]]:
    made = {}
    for compression in ("none", "lzw", "deflate", "packbits", "jpeg"):
        for layout in ("strips", "tiles"):
            options: dict[str, object] = {"compression": compression}
            if layout == "tiles":
                options |= {"tile": True, "tile_width": 16, "tile_height": 16}
            named = f"TIFF {layout} {compression}"
            made[named] = (".tif", _vips(_scene(3), ".tif", **options))
            if compression in ("none", "lzw", "deflate"):
                sixteen = _vips(_scene(3, 65535), ".tif", **options)
                made[f"{named}, 16 bit"] = (".tif", sixteen)
            if compression in ("lzw", "deflate"):
                predicted = _vips(_scene(3), ".tif", predictor="horizontal", **options)
                made[f"{named}, predicted"] = (".tif", predicted)
    floats = (_scene(3) / 255).astype(np.float32)
    made["TIFF strips deflate, float"] = (".tif", _vips(floats, ".tif", compression="deflate"))
    made["TIFF strips none, BigTIFF"] = (".tif", _vips(_scene(3), ".tif", bigtiff=True))
    made["TIFF strips none, RGBA"] = (".tif", _vips(_scene(4), ".tif"))
    return made


def _webps() -> dict[str, tuple[str, bytes]]:
    return {
        "WebP lossy": (".webp", _vips(_scene(3), ".webp", Q=80)),
        "WebP lossy, alpha": (".webp", _vips(_scene(4), ".webp", Q=80)),
        "WebP lossless": (".webp", _vips(_scene(3), ".webp", lossless=True)),
    }


def _avifs() -> dict[str, tuple[str, bytes]]:
    return {"AVIF": (".avif", _vips(_scene(3), ".avif", Q=60, effort=0))}


def _lie(content: bytes, rng: random.Random) -> bytes:
    """The same bytes under a header that says something else."""
    if content.startswith(b"\x89PNG"):
        return _lie_png(content, rng)
    if content[:2] in (b"II", b"MM"):
        return _lie_tiff(content, rng)
    if content.startswith(b"\xff\xd8"):
        return _lie_jpeg(content, rng)
    marks = (b"ispe", b"pixi", b"iloc", b"av1C", b"colr", b"VP8X", b"VP8L", b"VP8 ", b"RIFF")
    present = [mark for mark in marks if mark in content]
    place = content.index(rng.choice(present)) + rng.choice((-4, 4, 8, 10, 12))
    return _put(content, max(place, 0), struct.pack("<I", rng.choice(LARGE)))


def _lie_png(content: bytes, rng: random.Random) -> bytes:
    """A field of IHDR, or a chunk's type, with a checksum that is right."""
    header = bytearray(content[16:29])
    place = rng.choice((0, 4, 8, 9, 10, 11, 12))
    if place < 8:
        header[place : place + 4] = struct.pack(">I", rng.choice(LARGE))
    else:
        header[place] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    checksum = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return _put(content, 16, bytes(header) + checksum)


def _lie_tiff(content: bytes, rng: random.Random) -> bytes:
    """The value, count or type of an entry of the first directory."""
    order = "<" if content[:2] == b"II" else ">"
    is_big = content[2 if order == "<" else 3] == 43
    (first,) = struct.unpack_from(order + ("Q" if is_big else "I"), content, 8 if is_big else 4)
    (count,) = struct.unpack_from(order + ("Q" if is_big else "H"), content, first)
    size, values = (20, 12) if is_big else (12, 8)
    entry = first + (8 if is_big else 2) + size * rng.randrange(count)
    choice = rng.random()
    if choice < 0.7:
        return _put(content, entry + values, struct.pack(order + "I", rng.choice(LARGE)))
    if choice < 0.9:
        return _put(content, entry + 4, struct.pack(order + "I", rng.choice(LARGE)))
    return _put(content, entry + 2, struct.pack(order + "H", rng.randrange(20)))


def _lie_jpeg(content: bytes, rng: random.Random) -> bytes:
    """A field of the frame, a table or a scan."""
    places = []
    place = 2
    while content[place] == 0xFF and content[place + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", content, place + 2)
        places.append((content[place + 1], place, length))
        place += 2 + length
    marker, start, length = rng.choice(places)
    if 0xC0 <= marker <= 0xC2 and rng.random() < 0.7:
        field = struct.pack(">H", rng.choice(EXTREMES))
        return _put(content, start + rng.choice((5, 7)), field)
    if rng.random() < 0.2:
        return _put(content, start + 2, struct.pack(">H", rng.choice(EXTREMES)))
    return _put(content, start + 2 + rng.randrange(length), bytes([rng.randrange(256)]))


def _put(content: bytes, place: int, field: bytes) -> bytes:
    return content[:place] + field + content[place + len(field) :]
