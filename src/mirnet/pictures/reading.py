"""Read pictures from files with libvips: the header first, then rows, from top to bottom.

Whatever the file holds becomes grey or RGB of uint8, uint16 or float32, upright. Values stay in the
colour space of the file's own profile, except where it is neither grey nor RGB.
"""

import os
from functools import partial
from math import inf
from typing import Any

import numpy as np
import pyvips

from mirnet.errors import ImageError
from mirnet.pictures import metadata, tiff, vips
from mirnet.pictures.damage import sound_rows
from mirnet.pictures.loading import HEAD, is_lossless_webp, kind_of, load
from mirnet.pictures.source import File, Rows, Source
from mirnet.pictures.vips import attempt, forget
from mirnet.shapes import Pixels

ACCEPTED = "8-bit, 16-bit and 32-bit float pictures in grey, RGB or CMYK, with or without alpha"
DTYPES = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
FAILED = "cannot be read"

CIE_LAB, ICC_LAB, ITU_LAB = 8, 9, 10
"""Values of TIFF's tag for the colour space: a and b are signed, shifted by 128, or scaled."""

BAND = 128
"""Rows fetched at a time when a file is read again."""

PLAIN = {"b-w", "grey16", "srgb", "rgb16", "rgb", "scrgb", "multiband"}
"""Colour spaces whose values are used unchanged."""


def open_picture(file: File) -> Source:
    """Read the header.

    Raises:
        ImageError: if the file is missing, not a picture, or of an unsupported kind.
    """
    return attempt(partial(_open, file), file.name, FAILED)


def _open(file: File) -> Source:
    image, notes = _picture(file)
    channels = 1 if image.bands < 3 else 3
    has_alpha = image.bands > channels
    return Source(
        name=file.name,
        height=image.height,
        width=image.width,
        dtype=np.dtype(DTYPES[image.format]),
        channels=channels,
        metadata=metadata.gather(image, file.open),
        rows=_sound(file, image, _rows(file, image, slice(channels))),
        open_alpha=partial(_open_alpha, file, _shape(image)) if has_alpha else None,
        is_lossless_webp=_is_lossless_webp(file, image),
        depth=image.get("bits-per-sample") if _is_deep_heif(image) else None,
        notes=notes,
    )


def _is_lossless_webp(file: File, image: pyvips.Image) -> bool:
    if not image.get("vips-loader").startswith("webpload"):
        return False
    with file.open() as content:
        return is_lossless_webp(content)


def _open_alpha(file: File, shape: tuple[int, int, int]) -> Rows:
    """The last channel of a picture that had this shape when it was first opened."""
    return attempt(partial(_alpha, file, shape), file.name, FAILED)


def _alpha(file: File, shape: tuple[int, int, int]) -> Rows:
    return _rows(file, _picture_again(file, shape), slice(-1, None))


def _picture_again(file: File, shape: tuple[int, int, int]) -> pyvips.Image:
    image, _ = _picture(file)
    if _shape(image) != shape:
        raise ImageError(f"{file.name} changed while it was being restored")
    return image


def _shape(image: pyvips.Image) -> tuple[int, int, int]:
    return image.height, image.width, image.bands


def _rows(file: File, image: pyvips.Image, channels: slice) -> Rows:
    """Fetches the next rows: the picture streams and is never in memory as a whole."""
    # libvips would pass all channels on through buffers of their own
    wanted = image if range(image.bands)[channels] == range(image.bands) else image[channels]
    region = pyvips.Region.new(wanted)
    forget()
    shape = (-1, wanted.width, wanted.bands)

    def fetch(top: int, count: int) -> Pixels:
        one = partial(region.fetch, 0, top, wanted.width, count)
        again = partial(_fetch_again, file, _shape(image), channels, top, count)
        data = attempt(one, file.name, FAILED, again=again)
        return np.frombuffer(data, DTYPES[wanted.format]).reshape(shape)

    return fetch


def _sound(file: File, image: pyvips.Image, rows: Rows) -> Rows:
    """The same rows, checked for damage that libvips lets pass."""
    kind = image.get("vips-loader").removesuffix("load_source")
    checked, bottom = sound_rows(file, kind), 0.0

    def fetch(top: int, count: int) -> Pixels:
        nonlocal bottom
        while bottom < top + count:
            bottom = next(checked, inf)
        return rows(top, count)

    return fetch


def _fetch_again(
    file: File, shape: tuple[int, int, int], channels: slice, top: int, count: int
) -> Any:  # noqa: ANN401 - a buffer
    """Rows of a file that is opened again, since a failed stream no longer reports the reason."""
    image = _picture_again(file, shape)
    region = pyvips.Region.new(image[channels])
    for first in range(0, top, BAND):
        region.fetch(0, first, image.width, min(BAND, top - first))
    return region.fetch(0, top, image.width, count)


def _picture(file: File) -> tuple[pyvips.Image, tuple[str, ...]]:
    """The picture as upright grey or RGB, possibly with alpha, and the conversions made."""
    image = _load(file, "sequential")
    if "orientation" in vips.fields(image) and image.get("orientation") > 1:
        image = _load(file, "random").autorot()
    notes = _peculiarities(image)
    image, converted = _as_rgb(image)
    if image.format not in DTYPES or image.bands > 4:
        raise ImageError(
            f"{file.name} holds {image.bands} channels of {image.format}; accepted are {ACCEPTED}"
        )
    return _full_range(image), (*notes, *converted)


def _load(file: File, access: str) -> pyvips.Image:
    """The file as libvips sees it. A damaged one raises, sooner or later, instead of going grey."""
    if isinstance(file.content, bytes):
        source = pyvips.Source.new_from_memory(file.content)
        is_empty = not file.content
    else:
        path = file.content
        if not path.exists():
            raise ImageError(f"{file.name} does not exist")
        if not path.is_file():
            raise ImageError(f"{file.name} is not a file")
        is_empty = path.stat().st_size == 0
        # as a source: given a name, libvips would read "a[1].tif" as a.tif with options
        source = pyvips.Source.new_from_file(os.fsencode(path))
    if is_empty:
        raise ImageError(f"{file.name} is empty")
    with file.open() as content:
        kind = kind_of(content.read(HEAD))
        space, bits = tiff.colour_space(content) if kind == "tiff" else (0, 0)
    if kind is None:
        raise ImageError(
            f"{file.name} {FAILED}: it is not a picture, or not JPEG, PNG, TIFF, WebP, AVIF, HEIC "
            "or JPEG XL"
        )
    if space == ITU_LAB:
        raise ImageError(f"{file.name} holds the Lab of fax machines (ITU), which cannot be read")
    if (space, bits) == (CIE_LAB, 8):  # libvips fails to open it unless told otherwise
        with file.open() as content:
            relabelled = tiff.with_colour_space(content.read(), ICC_LAB)
        source = pyvips.Source.new_from_memory(relabelled)
    image = load(source, kind, access=access)
    if space == ICC_LAB or (space, bits) == (CIE_LAB, 8):
        return _from_numbers(image, is_signed=space == CIE_LAB)
    return image


def _from_numbers(image: pyvips.Image, *, is_signed: bool) -> pyvips.Image:
    """Lab from the integers that a TIFF holds; other kinds of numbers are left as they are."""
    if image.bands != 3 or image.format not in ("uchar", "ushort"):
        return image
    is_deep = image.format == "ushort"
    # the second version of ICC's encoding, which TIFF uses: white is 0xff00 in 16 bits
    light = image[0] * (100 / (65280 if is_deep else 255))
    colour = image[1:3]
    if is_signed:
        colour = colour.copy(format="char").cast("float")
    else:
        colour = colour / (256 if is_deep else 1) - 128
    return light.bandjoin(colour).cast("float").copy(interpretation="lab")


def _peculiarities(image: pyvips.Image) -> tuple[str, ...]:
    """Properties of the file that the restored picture will not have."""
    fields = vips.fields(image)
    bits = image.get("bits-per-sample") if "bits-per-sample" in fields else 8
    pages = image.get("n-pages") if "n-pages" in fields else 1
    is_half = bits < 32 and image.format == "float" and image.interpretation != "lab"
    texts = [name for name in fields if name.startswith(metadata.TEXTS)]
    notes = {
        "text that is not UTF-8 is left out": any(vips.text(image, name) is None for name in texts),
        f"has {pages} pages, only the first is restored": pages > 1,
        "palette is written as RGB": "palette" in fields,
        f"{bits} bit is written as 8 bit": bits < 8 and "palette" not in fields,
        f"{bits}-bit float is written as 32-bit float": is_half,
    }
    return tuple(note for note, is_so in notes.items() if is_so)


def _as_rgb(image: pyvips.Image) -> tuple[pyvips.Image, tuple[str, ...]]:
    """Convert anything but grey and RGB to sRGB of the same depth."""
    if image.interpretation in PLAIN and image.coding == "none":
        return image, ()
    if image.interpretation == "cmyk":
        depth = 16 if image.format == "ushort" else 8
        # the built-in profile is used if the file has none
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth)
        return image, ("CMYK was converted to sRGB",)
    name = "Lab" if image.interpretation.startswith("lab") else image.interpretation
    bits = image.get("bits-per-sample") if "bits-per-sample" in vips.fields(image) else 16
    image = image.colourspace("srgb" if bits == 8 else "rgb16")
    image.remove("icc-profile-data")  # it described the previous colour space
    return image, (f"{name} was converted to sRGB",)


def _full_range(image: pyvips.Image) -> pyvips.Image:
    """Scale the 10 and 12 bits of AVIF, which libvips only shifts up, so that white is white."""
    if not _is_deep_heif(image):
        return image
    return image | (image >> image.get("bits-per-sample"))


def _is_deep_heif(image: pyvips.Image) -> bool:
    """Whether it is an AVIF of 10 or 12 bits, in the upper bits of 16."""
    return bool(image.get("vips-loader").startswith("heifload") and image.format == "ushort")
