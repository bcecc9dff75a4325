"""The range and the layout of pixels.

Numpy only: no files and no colour science. The dtype alone decides the range; the values never do,
so a dark 16-bit picture stays a 16-bit picture.
"""

from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from mirnet.errors import ImageError
from mirnet.shapes import Image, Pixels

Rgb = UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w 3"] | Float32[np.ndarray, "h w 3"]
"""Pixels with three channels."""

PEAKS = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535, np.dtype(np.float32): 1}
"""The value of white, by dtype. Pictures have no other dtypes."""


def peak(dtype: np.dtype[Any]) -> int:
    """The value of white.

    Raises:
        ImageError: if pictures do not come in this dtype.
    """
    try:
        return PEAKS[dtype]
    except KeyError:
        message = f"pixels of {dtype} are not supported; give uint8, uint16 or float32"
        raise ImageError(message) from None


def to_float(pixels: np.ndarray) -> Image:
    """Pixels as float32: integers map to 0..1; float32 is returned as is, not copied or clipped.

    Raises:
        ImageError: if the dtype is not uint8, uint16 or float32.

    >>> to_float(np.array([[[0], [51], [255]]], np.uint8)).ravel()
    array([0. , 0.2, 1. ], dtype=float32)
    """
    white = peak(pixels.dtype)
    if pixels.dtype == np.float32:
        return pixels
    image: Image = np.divide(pixels, np.float32(white), dtype=np.float32)
    return image


def from_float(image: Image, dtype: np.dtype[Any] | type[np.generic]) -> Pixels:
    """Pixels of the given dtype: integers clipped and rounded to nearest, NaN as black.

    float32 is returned as is, neither copied nor clipped.

    Raises:
        ImageError: if `dtype` is not uint8, uint16 or float32.
    """
    dtype = np.dtype(dtype)
    white = peak(dtype)
    if dtype == np.float32:
        return image
    # unlike clip, fmax and fmin return the number if the other operand is NaN
    scaled: Image = np.fmax(image, np.float32(0))
    np.fmin(scaled, np.float32(1), out=scaled)
    np.multiply(scaled, np.float32(white), out=scaled)
    np.rint(scaled, out=scaled)
    return scaled.astype(dtype)


def to_rgb(image: Pixels) -> Rgb:
    """Three channels: grey is repeated, RGB is returned as is.

    Raises:
        ImageError: if there are neither 1 nor 3 channels.
    """
    channels = image.shape[2]
    if channels == 3:
        return image
    if channels == 1:
        return np.repeat(image, 3, axis=2)
    raise ImageError(f"{channels} channels were given; colour has 1 (grey) or 3 (RGB)")


def to_channels(image: Image, channels: int) -> Float32[np.ndarray, "h w _"]:
    """The file's number of channels: three become one by their mean, since grey was repeated.

    Raises:
        ImageError: if the step is anything but 3 to 1 or none at all.
    """
    if image.shape[2] == channels:
        return image
    if (image.shape[2], channels) == (3, 1):
        grey: Float32[np.ndarray, "h w 1"] = image.mean(axis=2, keepdims=True, dtype=np.float32)
        return grey
    raise ImageError(f"{image.shape[2]} channels cannot become {channels}; only 3 can become 1")
