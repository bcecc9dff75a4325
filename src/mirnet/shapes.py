"""Shapes and ranges, defined once for the whole package.

Letters: b batch, c channels, h height, w width. Height always comes before width. Colour is RGB.
Values are float32 in 0..1 wherever a picture is processed; files and public calls may also use
uint8 (0..255) and uint16 (0..65535), and the dtype alone determines the range.
"""

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

Image = Float32[np.ndarray, "h w c"]
"""A picture during processing: float32, 0..1, c is 1 (grey) or 3 (RGB)."""

Pixels = UInt8[np.ndarray, "h w c"] | UInt16[np.ndarray, "h w c"] | Float32[np.ndarray, "h w c"]
"""A picture as stored: the dtype determines the range."""

Batch = Float32[np.ndarray, "b c h w"]
"""Input and output of a runtime: float32, RGB; input in 0..1, output not clipped."""
