"""Augmentation: variations of the same picture."""

import numpy as np
import torch
from jaxtyping import Float, UInt8, UInt16
from torch import Tensor
from torch.nn.functional import pad, unfold

from mirnet.camera import light

REACH = 2
"""Reach in pixels, to each side, of the filter that matches the halves of a pair."""
RIDGE = 1e-6
"""Makes the filter well-defined for black patches and those of one colour; small otherwise."""

TensorPatch = Float[Tensor, "3 s s"]
Gains = Float[Tensor, "3 1 1"]

TwoViews = UInt8[np.ndarray, "h w 6"] | UInt16[np.ndarray, "h w 6"]
Truth = UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w 3"]

MIRRORED = 4
"""Number of ways in which `mirror_views` mirrors."""


def mirror_views(views: TwoViews, clean: Truth, which: int) -> tuple[TwoViews, Truth]:
    """A pair of a dual-pixel sensor as it would be had the scene been mirrored.

    Out of focus, the left and the right half of the lens see a point at places that differ along
    the rows, never along the columns. Upside down, this stays as it is. Mirrored left to right, the
    left half of the lens would have seen what the right one saw, so the views change places.
    Quarter turns and transposition would put the difference along the columns, which no such sensor
    gives.

    Args:
        views: left view, then right view.
        clean: the truth, of the same size.
        which: 0 to 3. Odd ones are upside down, those from 2 on mirrored left to right.

    Returns:
        Views into the arrays where nothing changes places.
    """
    rows = slice(None, None, -1 if which % 2 else 1)
    views, clean = views[rows], clean[rows]
    if which >= 2:
        left, right = views[:, ::-1, :3], views[:, ::-1, 3:]
        views, clean = np.concatenate([right, left], axis=2), clean[:, ::-1]
    return views, clean


def gains(most: float, apart: float, rng: np.random.Generator) -> Gains:
    """Factors for the noise of R, G and B: one common factor, and one of each channel's own.

    Args:
        most: the common factor is 1 to this, log-uniform.
        apart: a channel's own factor is 1 / `apart` to `apart`.
        rng: source of both.
    """
    of_all = rng.uniform(0, np.log(most))
    of_each = rng.uniform(-1, 1, 3) * np.log(apart)
    return torch.from_numpy(of_all + of_each).float().exp()[:, None, None]


def amplify(
    noisy: TensorPatch, clean: TensorPatch, gains: Gains, step: float, rng: np.random.Generator
) -> TensorPatch:
    """The noisy patch with amplified noise, in 0..1.

    This makes a camera's noise at high ISO from that at low ISO: stronger, but with the same grain
    and colours. Noise is additive in linear light, so it is amplified there: only then does it
    darken the picture as strong noise does (docs/noise.md). Values in the file are `step` apart;
    the rounding error is drawn at random, since it would be amplified to a comb.
    """
    rounded_off = step * (torch.from_numpy(rng.random(noisy.shape, np.float32)) - 0.5)
    recorded = light.from_srgb(noisy + rounded_off)
    noise = recorded - _as_recorded(light.from_srgb(clean), recorded)
    return light.to_srgb(recorded + (gains - 1) * noise)


def _as_recorded(clean: TensorPatch, recorded: TensorPatch) -> TensorPatch:
    """The clean patch, filtered to match the recorded one as closely as possible except for noise.

    The halves of a pair may be a pixel apart or differ in sharpness, and edges would be amplified
    with the noise. One filter serves all three colours; the least squares have thirty equations per
    coefficient even for the smallest patch.
    """
    height, width = clean.shape[1:]
    padded = pad(clean[None], (REACH,) * 4, mode="reflect")[0]
    neighbours = unfold(padded[:, None].double(), 2 * REACH + 1).transpose(1, 2).flatten(0, 1)
    products = neighbours.T @ neighbours
    products += RIDGE * (1 + products.trace() / len(products)) * torch.eye(len(products))
    filter_ = torch.linalg.solve(products, neighbours.T @ recorded.double().flatten())
    fitted: Tensor = neighbours @ filter_
    return fitted.float().view(3, height, width)
