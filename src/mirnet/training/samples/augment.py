"""What is varied between two looks at the same picture."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad, unfold

from mirnet.camera import light

REACH = 2
"""Pixels to each side that the filter takes in by which the halves of a pair differ."""
RIDGE = 1e-6
"""So that a patch of one colour, or a black one, has a filter, too; small beside any structure."""

Patch = Float[Tensor, "3 h w"]
Gains = Float[Tensor, "3 1 1"]


def gains(most: float, apart: float, rng: np.random.Generator) -> Gains:
    """Factors for the noise of R, G and B: one for all, and each channel's own part of it.

    Args:
        most: that for all is 1 to this, each factor as likely.
        apart: a channel's own is 1 / `apart` to `apart`.
        rng: decides both.
    """
    of_all = rng.uniform(0, np.log(most))
    of_each = rng.uniform(-1, 1, 3) * np.log(apart)
    return torch.from_numpy(of_all + of_each).float().exp()[:, None, None]


def amplify(
    noisy: Patch, clean: Patch, gains: Gains, step: float, rng: np.random.Generator
) -> Patch:
    """The noisy patch with its noise made stronger, in 0..1.

    That makes a camera's noise at high ISO of that at low ISO: stronger, but alike in its grain and
    its colours. Noise adds in linear light, so it is amplified there: only then does it darken what
    is seen as strong noise does (docs/noise.md). Values are `step` apart in the file; what was
    rounded off is drawn, since it would be amplified to a comb.
    """
    rounded_off = step * (torch.from_numpy(rng.random(noisy.shape, np.float32)) - 0.5)
    recorded = light.from_srgb(noisy + rounded_off)
    noise = recorded - _as_recorded(light.from_srgb(clean), recorded)
    return light.to_srgb(recorded + (gains - 1) * noise)


def _as_recorded(clean: Patch, recorded: Patch) -> Patch:
    """The clean patch filtered to be as near as can be to what was recorded, but for the noise.

    The halves of a pair may be a pixel apart or differ in sharpness, and edges would be amplified
    with the noise. One filter for all three colours; the least squares have thirty equations a
    coefficient even of the smallest patch.
    """
    height, width = clean.shape[1:]
    padded = pad(clean[None], (REACH,) * 4, mode="reflect")[0]
    neighbours = unfold(padded[:, None].double(), 2 * REACH + 1).transpose(1, 2).flatten(0, 1)
    products = neighbours.T @ neighbours
    products += RIDGE * (1 + products.trace() / len(products)) * torch.eye(len(products))
    filter_ = torch.linalg.solve(products, neighbours.T @ recorded.double().flatten())
    fitted: Tensor = neighbours @ filter_
    return fitted.float().view(3, height, width)
