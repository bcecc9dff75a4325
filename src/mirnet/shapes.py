"""Shapes and ranges, defined once for the whole package.

Letters: b batch, c channels, h height, w width. Height always comes before width. Colour is RGB.
Values are float32 in 0..1 wherever a picture is processed; files and public calls may also use
uint8 (0..255) and uint16 (0..65535), and the dtype alone determines the range.
"""

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

Image = Float32[np.ndarray, "h w c"]
"""A picture during processing: float32, 0..1, c is 1 (grey), 3 (RGB) or 6 (two views in RGB)."""

Larger = Float32[np.ndarray, "h2 w2 c2"]
"""What a model makes of an `Image`: as large or a multiple, perhaps of other channels."""

Pixels = UInt8[np.ndarray, "h w c"] | UInt16[np.ndarray, "h w c"] | Float32[np.ndarray, "h w c"]
"""A picture as stored: the dtype determines the range."""

LargerPixels = (
    UInt8[np.ndarray, "h2 w2 c2"] | UInt16[np.ndarray, "h2 w2 c2"] | Float32[np.ndarray, "h2 w2 c2"]
)
"""What belongs to `Pixels`: as large or a multiple, perhaps of other channels."""

Batch = Float32[np.ndarray, "b c h w"]
"""Input of a runtime: float32, RGB where c is 3, in 0..1."""

Result = Float32[np.ndarray, "b c2 h2 w2"]
"""Output of a runtime: float32, not clipped. Its height and width are those of the input times the
model's scale."""
