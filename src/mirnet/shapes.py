"""The legend of shapes and ranges, once for the whole package.

Letters: b batch, c channels, h height, w width. Heights come before widths, always.
Colour is RGB. Values are float32 in 0..1 wherever a picture is processed; files and public
calls may also carry uint8 (0..255) and uint16 (0..65535), and the dtype alone decides which.
"""

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

Image = Float32[np.ndarray, "h w c"]
"""A picture as it is processed: float32, 0..1, c is 1 (grey) or 3 (RGB)."""

Pixels = UInt8[np.ndarray, "h w c"] | UInt16[np.ndarray, "h w c"] | Float32[np.ndarray, "h w c"]
"""A picture as it is stored: the dtype decides the range."""

Batch = Float32[np.ndarray, "b c h w"]
"""What a runtime takes and returns: float32, RGB; input in 0..1, output not clipped."""
