"""Pixels as a screen shows them: sRGB, 8 bits."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyvips
from jaxtyping import UInt8

from mirnet.pictures import pixels as ranges
from mirnet.shapes import Pixels

Shown = UInt8[np.ndarray, "h w c"]

DESCRIPTION = 4096
"""Bytes of a profile in which its description is looked for."""


def shown(pixels: Pixels, profile: Path | None) -> Shown:
    """The picture in sRGB, 8 bits; without a profile, or with one that fails, its values as such.

    Args:
        pixels: h w c, 1 or 3 channels.
        profile: a file with the ICC profile that describes them.
    """
    if profile is not None and profile.exists():
        converted = _converted(pixels, profile)
        if converted is not None:
            return converted
    return ranges.from_float(ranges.to_float(pixels), np.uint8)


def _converted(pixels: Pixels, profile: Path) -> Shown | None:
    block = _block(profile)
    if b"sRGB" in block[:DESCRIPTION] or b"s\0R\0G\0B" in block[:DESCRIPTION]:
        return None
    space = ("b-w", "srgb") if pixels.dtype == np.uint8 else ("grey16", "rgb16")
    if pixels.dtype == np.float32:
        pixels = ranges.from_float(pixels, np.uint16)
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    image = image.copy(interpretation=space[pixels.shape[2] > 1])
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", block)
    try:
        converted = image.icc_transform("srgb", embedded=True, depth=8).numpy()
    except pyvips.Error:  # the profile is damaged, or of another colour space
        return None
    shown: Shown = converted[..., None] if converted.ndim == 2 else converted
    return shown


@lru_cache(maxsize=8)
def _block(profile: Path) -> bytes:
    return profile.read_bytes()
