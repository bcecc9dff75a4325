"""Random figures, one for each picture of a batch, and changes to some of the pictures.

Everything comes from the generator that is given, on its device.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

Figures = Float[Tensor, " b"]
Flags = Bool[Tensor, " b"]


def uniform(count: int, low: float, high: float, generator: Generator) -> Figures:
    """Between low and high."""
    return low + (high - low) * torch.rand(count, generator=generator, device=generator.device)


def log_uniform(count: int, low: float, high: float, generator: Generator) -> Figures:
    """Between low and high, each factor as likely as any other."""
    return uniform(count, math.log(low), math.log(high), generator).exp()


def normal(count: int, generator: Generator) -> Figures:
    """Mean 0, variance 1."""
    return torch.randn(count, generator=generator, device=generator.device)


def chance(count: int, probability: float | Figures, generator: Generator) -> Flags:
    """True for this part of the pictures, or for each with a probability of its own."""
    return torch.rand(count, generator=generator, device=generator.device) < probability


def over_pixels(figures: Tensor) -> Tensor:
    """A figure for each picture, b, as b 1 1 1, to be combined with its pixels."""
    return figures[:, None, None, None]


def change(
    chosen: Flags,
    function: Callable[..., Tensor],
    pictures: Float[Tensor, "b c h w"],
    *figures: Tensor,
) -> Float[Tensor, "b c h w"]:
    """The pictures, those chosen as `function(pictures, *figures)` makes them of theirs.

    What happens to few pictures of a batch then costs little.
    """
    numbers = chosen.nonzero()[:, 0]
    if not len(numbers):
        return pictures
    changed = function(pictures[numbers], *(each[numbers] for each in figures))
    return pictures.index_copy(0, numbers, changed)
