"""Small pictures of clean scenes: blurred, shrunk by any of several filters, noisy, compressed.

What a network that enlarges learns to undo: most small pictures were large once, and what shrank
them is unknown. Batched on the training device; all randomness comes from the generator passed in.
Blur and filter are one separable convolution per picture, with half-pixel centres and mirrored
borders, so that the small picture lies exactly over the large one.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from jaxtyping import Float
from torch import Generator, Tensor

from mirnet.camera import draws, finishing, noise
from mirnet.camera.description import SHRINKING, Shrinking
from mirnet.camera.draws import Figures, Flags
from mirnet.camera.isp import RgbTensor

MARGIN = 8
"""Pixels of the small picture around the patch on every side, so that the borders of JPEG's blocks
fall anywhere in it."""
REACH = 3
"""Pixels of the small picture that the widest filter reaches."""
PLAIN = SHRINKING.index("bicubic")
"""The filter of pictures that are only shrunk, as most test sets are."""

Small = Float[Tensor, "b 3 {size} {size}"]
Large = Float[Tensor, "b 3 {size*scale} {size*scale}"]
Taps = Float[Tensor, "b taps"]


def degrade(
    scenes: RgbTensor,
    size: int,
    scale: int,
    generator: Generator,
    how: Shrinking = Shrinking(),
    *,
    is_plain: Flags | None = None,
) -> tuple[Small, Large]:
    """Small patches of `size` by `size`, and the `scale` times larger clean ones.

    Args:
        scenes: clean, sRGB in 0..1, of `scale` x (size + 2 x `MARGIN`) on each side.
        size: a multiple of 16, for JPEG's blocks.
        scale: 2 or more.
        generator: source of all randomness.
        how: shares and strengths.
        is_plain: which scenes are only shrunk, by `PLAIN`.
    """
    count = len(scenes)
    if is_plain is None:
        is_plain = torch.zeros(count, dtype=torch.bool, device=scenes.device)
    is_grey = draws.chance(count, how.grey_share, generator)
    scenes = draws.change(is_grey, finishing.grey, scenes)
    places = torch.randint(len(how.kernels), (count,), generator=generator, device=generator.device)
    known = torch.tensor([SHRINKING.index(name) for name in how.kernels], device=scenes.device)
    kernels = torch.where(is_plain, PLAIN, known[places])
    is_soft = draws.chance(count, how.soft_share, generator) & ~is_plain
    across, down = (is_soft * draws.uniform(count, *how.softness, generator) for _ in range(2))
    small = shrink(scenes, scale, kernels, across, down)
    is_noisy = draws.chance(count, how.noisy_share, generator) & ~is_plain
    low, high = (level / 255 for level in how.levels)
    deviation = draws.log_uniform(count, low, high, generator)
    is_grain = draws.chance(count, how.grain_share, generator) | is_grey

    def add(pictures: RgbTensor, deviation: Figures, is_grain: Flags) -> RgbTensor:
        return noise.add_white(pictures, deviation, is_grain, generator=generator)

    small = draws.change(is_noisy, add, small, deviation, is_grain)
    is_jpeg = draws.chance(count, how.jpeg_share, generator) & ~is_plain
    small = finishing.compress(small, is_jpeg, generator, how.jpeg)
    small = (small * 255).round() / 255
    top, left = torch.randint(
        2 * MARGIN + 1, (2,), generator=generator, device=generator.device
    ).tolist()
    large = scenes[
        ...,
        scale * top : scale * (top + size),
        scale * left : scale * (left + size),
    ]
    return small[..., top : top + size, left : left + size], large


def shrink(
    scenes: RgbTensor, scale: int, kernels: Tensor, across: Figures, down: Figures
) -> Float[Tensor, "b 3 h2 w2"]:
    """Pictures shrunk by a whole factor that divides their sides, clipped to 0..1.

    Args:
        scenes: b 3 h w.
        scale: the factor.
        kernels: b, places in `SHRINKING`.
        across: b, standard deviation of the blur before, in pixels of the result; 0 for none.
        down: likewise.
    """
    count, channels, height, width = scenes.shape
    every = torch.stack([_filter(name, scale) for name in SHRINKING]).to(scenes.device)
    chosen = every[kernels]  # b taps
    vertical, horizontal = (_blurred(chosen, sigma * scale, scale) for sigma in (down, across))
    edge = (vertical.shape[1] - scale) // 2
    planes = F.pad(scenes, (edge,) * 4, mode="reflect").reshape(
        1, count * channels, -1, width + 2 * edge
    )
    for taps, stride, shape in (
        (vertical, (scale, 1), (-1, 1)),
        (horizontal, (1, scale), (1, -1)),
    ):
        weight = taps.repeat_interleave(channels, 0).reshape(count * channels, 1, *shape)
        planes = F.conv2d(planes, weight, stride=stride, groups=count * channels)
    small: Tensor = planes.reshape(count, channels, height // scale, width // scale)
    return small.clamp(0, 1)


def _filter(name: str, scale: int) -> Float[Tensor, " taps"]:
    """The taps of a filter around the middle of a small pixel; they sum to 1."""
    length = 2 * REACH * scale + scale % 2
    x = (torch.arange(length) - (length - 1) / 2) / scale
    values = FILTERS[name](x)
    return values / values.sum()


def _cubic(x: Tensor) -> Tensor:
    x = x.abs()
    near, far = (1.5 * x - 2.5) * x**2 + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x <= 1, near, torch.where(x < 2, far, 0.0))


FILTERS: dict[str, Callable[[Tensor], Tensor]] = {
    "area": lambda x: (x.abs() < 0.5).float(),
    "bilinear": lambda x: (1 - x.abs()).clamp(min=0),
    "bicubic": _cubic,
    "lanczos": lambda x: torch.where(x.abs() < 3, torch.sinc(x) * torch.sinc(x / 3), 0.0),
}
"""Filters by the names in `SHRINKING`, of distances in small pixels; Keys' cubic with a = -0.5."""


def _blurred(taps: Taps, sigma: Figures, scale: int) -> Float[Tensor, "b more"]:
    """The taps after a Gaussian of this standard deviation in pixels of the scene; longer ones."""
    reach = 3 * scale  # three of the widest
    x = torch.arange(-reach, reach + 1, device=taps.device)
    gaussian = (-(x**2) / (2 * sigma[:, None].clamp(min=1e-3) ** 2)).exp()
    gaussian = gaussian / gaussian.sum(1, keepdim=True)
    padded: Tensor = F.conv1d(taps[None], gaussian[:, None], padding=2 * reach, groups=len(taps))
    return padded[0]
