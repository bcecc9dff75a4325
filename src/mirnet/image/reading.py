"""Pictures from files, by libvips: the header first, then rows, from top to bottom.

Whatever the file holds becomes grey or RGB of uint8, uint16 or float32, upright. Values stay in the
colour space of the file's own profile, except where it is neither grey nor RGB.
"""

import os
from functools import partial

import numpy as np
import pyvips

from mirnet.errors import ImageError
from mirnet.image import metadata
from mirnet.image.source import File, Rows, Source
from mirnet.image.vips import as_image_error, forget
from mirnet.shapes import Pixels

ACCEPTED = "8-bit, 16-bit and 32-bit float pictures in grey, RGB or CMYK, with or without alpha"
DTYPES = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
LOADERS = {"jpegload", "pngload", "tiffload", "webpload", "heifload"}
"""libvips can open much more, such as SVG and MATLAB files, which are not photographs."""

PLAIN = {"b-w", "grey16", "srgb", "rgb16", "rgb", "scrgb", "multiband"}
"""Colour spaces whose values are taken as they are."""


def open_picture(file: File) -> Source:
    """Read the header.

    Raises:
        ImageError: if the file is missing, not a picture, or of an unsupported kind.
    """
    with as_image_error(file.name, "cannot be read"):
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
            rows=_rows(file, image[:channels] if has_alpha else image),
            open_alpha=partial(_alpha, file, _shape(image)) if has_alpha else None,
            notes=notes,
        )


def _alpha(file: File, shape: tuple[int, int, int]) -> Rows:
    """The last channel of a picture that had this shape when it was first opened."""
    with as_image_error(file.name, "cannot be read"):
        image, _ = _picture(file)
        if _shape(image) != shape:
            raise ImageError(f"{file.name} was changed while it was being restored")
        return _rows(file, image[-1])


def _shape(image: pyvips.Image) -> tuple[int, int, int]:
    return image.height, image.width, image.bands


def _rows(file: File, image: pyvips.Image) -> Rows:
    """Fetches what was not fetched yet: the picture streams, it never lies in memory whole."""
    region = pyvips.Region.new(image)
    forget()
    shape = (-1, image.width, image.bands)

    def fetch(top: int, count: int) -> Pixels:
        with as_image_error(file.name, "cannot be read"):
            data = region.fetch(0, top, image.width, count)
        return np.frombuffer(data, DTYPES[image.format]).reshape(shape)

    return fetch


def _picture(file: File) -> tuple[pyvips.Image, tuple[str, ...]]:
    """Upright grey or RGB, maybe with alpha, and what had to be done for it."""
    image = _load(file, "sequential")
    if "orientation" in image.get_fields() and image.get("orientation") > 1:
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
        # as a source, not by name, where libvips would read "a[1].tif" as a.tif with options
        source = pyvips.Source.new_from_file(os.fsencode(path))
    if is_empty:
        raise ImageError(f"{file.name} is empty")
    image = pyvips.Image.new_from_source(source, "", access=access, fail_on="error")
    if image.get("vips-loader").removesuffix("_source") not in LOADERS:
        raise ImageError(f"{file.name} is not JPEG, PNG, TIFF, WebP or AVIF")
    return image


def _peculiarities(image: pyvips.Image) -> tuple[str, ...]:
    """What the file has and the restored picture will not."""
    fields = image.get_fields()
    bits = image.get("bits-per-sample") if "bits-per-sample" in fields else 8
    pages = image.get("n-pages") if "n-pages" in fields else 1
    notes = {
        f"has {pages} pages, only the first is restored": pages > 1,
        "palette is written as RGB": "palette" in fields,
        f"{bits} bit is written as 8 bit": bits < 8 and "palette" not in fields,
        f"{bits}-bit float is written as 32-bit float": bits < 32 and image.format == "float",
    }
    return tuple(note for note, is_so in notes.items() if is_so)


def _as_rgb(image: pyvips.Image) -> tuple[pyvips.Image, tuple[str, ...]]:
    """What is neither grey nor RGB becomes sRGB of the same depth."""
    if image.interpretation in PLAIN and image.coding == "none":
        return image, ()
    if image.interpretation == "cmyk":
        depth = 16 if image.format == "ushort" else 8
        # the built-in profile counts where the file has none
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth)
        return image, ("CMYK was converted to sRGB",)
    name = "Lab" if image.interpretation.startswith("lab") else image.interpretation
    bits = image.get("bits-per-sample") if "bits-per-sample" in image.get_fields() else 16
    image = image.colourspace("srgb" if bits == 8 else "rgb16")
    image.remove("icc-profile-data")  # it described the space that was left
    return image, (f"{name} was converted to sRGB",)


def _full_range(image: pyvips.Image) -> pyvips.Image:
    """Spread the 10 and 12 bits of AVIF, which libvips only shifts up, so that white is white."""
    if not image.get("vips-loader").startswith("heifload") or image.format != "ushort":
        return image
    return image | (image >> image.get("bits-per-sample"))
