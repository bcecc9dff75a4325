"""JPEG's loss, batched in torch: blocks, cosine transform, quantisation, and the inverse.

ITU-T T.81, with the tables of its Annex K scaled by quality as in the Independent JPEG Group's
library. Entropy coding is omitted, because it is lossless.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from jaxtyping import Bool, Float
from torch import Tensor

from mirnet.camera import draws

LUMINANCE = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)
"""Annex K, table K.1."""

CHROMINANCE = torch.full((8, 8), 99.0)
CHROMINANCE[:4, :4] = torch.tensor(
    [[17.0, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
)
"""Annex K, table K.2."""

TO_YCBCR = torch.tensor(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)
"""Full-range BT.601 as in JFIF, without the offset of 128, which cancels."""

_ORDER = torch.arange(8, dtype=torch.float32)
COSINES = torch.cos(math.pi / 8 * (_ORDER[None] + 0.5) * _ORDER[:, None]) / 2
COSINES[0] /= math.sqrt(2)
"""The orthonormal cosine transform of eight samples."""


def compress(
    image: Float[Tensor, "b 3 h w"], quality: Float[Tensor, " b"], subsample: Bool[Tensor, " b"]
) -> Float[Tensor, "b 3 h w"]:
    """Pictures (0..1) after JPEG at `quality` (1..100), with 4:2:0 where `subsample` is true.

    Height and width must be multiples of 16. The result is rounded to 8 bits, as by a decoder.
    """
    matrix = TO_YCBCR.to(image.device)
    levels = (image.clamp(0, 1) * 255).round() - 128
    ycbcr = torch.einsum("ij,bjhw->bihw", matrix, levels)  # grey has no chroma: rows sum to 1, 0, 0
    scale = quality_scale(quality)
    luma = quantise(ycbcr[:, :1], LUMINANCE.to(image.device), scale)
    chroma = quantise(ycbcr[:, 1:], CHROMINANCE.to(image.device), scale)
    half = quantise(F.avg_pool2d(ycbcr[:, 1:], 2), CHROMINANCE.to(image.device), scale)
    coarse = F.interpolate(half, scale_factor=2, mode="bilinear", align_corners=False)
    chroma = torch.where(draws.over_pixels(subsample), coarse, chroma)
    inverse = torch.linalg.inv(matrix)
    rgb = torch.einsum("ij,bjhw->bihw", inverse, torch.cat([luma + 128, chroma], 1))
    return rgb.round().clamp(0, 255) / 255


def quality_scale(quality: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """Percentage by which the tables are scaled (formula of the Independent JPEG Group)."""
    return torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)


def quantise(
    plane: Float[Tensor, "b c h w"], table: Float[Tensor, "8 8"], scale: Float[Tensor, " b"]
) -> Float[Tensor, "b c h w"]:
    """Round the cosine coefficients of each 8x8 block to multiples of the scaled table."""
    batch, channels, height, width = plane.shape
    steps = ((table * scale[:, None, None] + 50) / 100).floor().clamp(1, 255)
    steps = steps[:, None, None, None]  # b 1 1 1 8 8
    blocks = plane.reshape(batch, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    cosines = COSINES.to(plane.device)
    coefficients = cosines @ blocks @ cosines.T
    rounded = (coefficients / steps).round() * steps
    restored = cosines.T @ rounded @ cosines
    return restored.transpose(3, 4).reshape(plane.shape)
