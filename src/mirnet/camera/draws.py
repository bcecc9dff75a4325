"""Random values, one per picture of a batch, and changes to some of the pictures.

All randomness comes from the generator passed in, on its device.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

Figures = Float[Tensor, " b"]
Flags = Bool[Tensor, " b"]


def uniform(count: int, low: float, high: float, generator: Generator) -> Figures:
    """Uniform between low and high."""
    return low + (high - low) * torch.rand(count, generator=generator, device=generator.device)


def log_uniform(count: int, low: float, high: float, generator: Generator) -> Figures:
    """Log-uniform between low and high."""
    return uniform(count, math.log(low), math.log(high), generator).exp()


def normal(count: int, generator: Generator) -> Figures:
    """Normal with mean 0 and variance 1."""
    return torch.randn(count, generator=generator, device=generator.device)


def chance(count: int, probability: float | Figures, generator: Generator) -> Flags:
    """True with this probability, which is one for all pictures or one for each."""
    return torch.rand(count, generator=generator, device=generator.device) < probability


def over_pixels(figures: Tensor) -> Tensor:
    """One value per picture, b, reshaped to b 1 1 1, to combine with its pixels."""
    return figures[:, None, None, None]


def change(
    chosen: Flags,
    function: Callable[..., Tensor],
    pictures: Float[Tensor, "b c h w"],
    *figures: Tensor,
) -> Float[Tensor, "b c h w"]:
    """The pictures, with the chosen ones replaced by `function(pictures, *figures)` of them.

    So changes to a few pictures of a batch cost little.
    """
    numbers = chosen.nonzero()[:, 0]
    if not len(numbers):
        return pictures
    changed = function(pictures[numbers], *(each[numbers] for each in figures))
    return pictures.index_copy(0, numbers, changed)
