"""Linear light, in which photons and their noise are additive, and sRGB (IEC 61966-2-1)."""

from jaxtyping import Float
from torch import Tensor

Levels = Float[Tensor, "..."]


def from_srgb(levels: Levels) -> Levels:
    """Linear light of sRGB, with black at 0 and white at 1; below black the curve is linear.

    >>> import torch
    >>> from_srgb(torch.tensor([0, 0.04, 0.5, 1])).numpy().round(4)
    array([0.    , 0.0031, 0.214 , 1.    ], dtype=float32)
    """
    curved = ((levels.clamp(min=0) + 0.055) / 1.055) ** 2.4
    return curved.where(levels > 0.04045, levels / 12.92)


def to_srgb(light: Levels) -> Levels:
    """The inverse, clipped to 0..1 as in a file."""
    light = light.clamp(0, 1)
    curved = 1.055 * light ** (1 / 2.4) - 0.055
    return curved.where(light > 0.0031308, 12.92 * light)
