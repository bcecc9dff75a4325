"""A camera's processing of the developed picture: noise reduction, sharpening and compression.

Batched on any device; pictures are sRGB in 0..1, b 3 h w. Cameras' algorithms are proprietary;
these are the simplest with the same effects: noise turns from grain into soft blotches, mostly of
colour, fine texture is damaged, and edges are kept.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from mirnet.camera import draws, jpeg
from mirnet.camera.description import Finishing, Jpeg
from mirnet.camera.draws import Flags
from mirnet.camera.isp import RgbTensor
from mirnet.camera.jpeg import TO_YCBCR

Each = Float[Tensor, "b 3"]
"""One value each for Y, Cb and Cr of each picture."""

REACH = 12
"""Radius of Gaussians in pixels: enough for `mirnet.camera.description.WIDEST`."""


def finish(
    noisy: RgbTensor,
    clean: RgbTensor,
    generator: Generator,
    finishing: Finishing = Finishing(),
    files: Jpeg = Jpeg(),
    *,
    is_plain: Flags | None = None,
) -> tuple[RgbTensor, RgbTensor]:
    """Developed pictures, some of them processed like a camera's: smoothed, sharpened, as JPEG.

    Each step is applied at random, and none if `is_plain`. Sharpening is applied to the clean
    picture too, since a denoiser should keep it. Sides are multiples of 16, for JPEG's blocks.
    """
    count = len(noisy)
    is_finished = draws.chance(count, finishing.share, generator)
    if is_plain is not None:
        is_finished &= ~is_plain
    is_smoothed, is_sharpened, is_jpeg = (
        is_finished & draws.chance(count, share, generator)
        for share in (finishing.smoothed_share, finishing.sharpened_share, finishing.jpeg_share)
    )
    sigmas = [
        draws.uniform(count, *each, generator)
        for each in (finishing.luma_sigma, finishing.chroma_sigma)
    ]
    strengths = [
        draws.log_uniform(count, *each, generator)
        for each in (finishing.luma_strength, finishing.chroma_strength)
    ]
    sigma, strength = (
        torch.stack([luma, chroma, chroma], 1) for luma, chroma in (sigmas, strengths)
    )
    smoothed = draws.change(is_smoothed, smooth, noisy, clean, sigma, strength)
    if finishing.smooths_clean:
        clean = draws.change(is_smoothed, smooth_alike, clean, noisy, clean, sigma, strength)
    noisy = smoothed
    edge = draws.uniform(count, *finishing.sharpening_sigma, generator)
    amount = draws.uniform(count, *finishing.sharpening_amount, generator)
    noisy, clean = (
        draws.change(is_sharpened, sharpen, half, edge, amount) for half in (noisy, clean)
    )
    return compress(noisy, is_jpeg, generator, files), clean


def compress(
    image: RgbTensor, chosen: Bool[Tensor, " b"], generator: Generator, how: Jpeg = Jpeg()
) -> RgbTensor:
    """The chosen pictures as JPEG of any quality, some of them with 4:2:0 subsampling."""
    count = len(image)
    square = draws.uniform(count, 0.0, 1.0, generator) ** 2
    quality = (100 - (100 - how.worst_quality) * square).round()
    subsample = draws.chance(count, how.subsampled_share, generator)
    return draws.change(chosen, jpeg.compress, image, quality, subsample)


def smooth(noisy: RgbTensor, clean: RgbTensor, sigma: Each, strength: Each) -> RgbTensor:
    """Noise reduction by the guided filter (He, Sun and Tang, ECCV 2010), guided by itself.

    In Y, Cb and Cr a local linear model replaces the picture. Its slope is v / (v + e), with v the
    local variance and e = strength · variance of the noise. So 1 / (1 + strength) of the noise is
    left in flat areas, besides its local mean, while at edges v outweighs e. Cameras know their
    noise from the ISO setting; here it is the difference between `noisy` and `clean`.

    Args:
        noisy: developed pictures.
        clean: the same without noise.
        sigma: standard deviation of the Gaussian window in pixels, up to 4.
        strength: 0 has no effect.
    """
    return smooth_alike(noisy, noisy, clean, sigma, strength)


def smooth_alike(
    picture: RgbTensor, noisy: RgbTensor, clean: RgbTensor, sigma: Each, strength: Each
) -> RgbTensor:
    """What the filter that `smooth` applies to `noisy` makes of another picture of the same scene.

    Of `clean` it makes about the mean of many shots after their noise reduction.
    """
    ycbcr, guide, truth = (_mix(image, TO_YCBCR) for image in (picture, noisy, clean))
    noise = (guide - truth).square().mean((2, 3))
    variance = (blur(guide.square(), sigma) - blur(guide, sigma).square()).clamp(min=0)
    floor = 1e-12  # avoids 0 / 0 if there is no noise, not even from rounding
    slope = variance / (variance + (strength * noise)[..., None, None] + floor)
    offset = blur(ycbcr, sigma) * (1 - slope)
    smoothed = blur(slope, sigma) * ycbcr + blur(offset, sigma)
    return _mix(smoothed, torch.linalg.inv(TO_YCBCR)).clamp(0, 1)


def sharpen(image: RgbTensor, sigma: Float[Tensor, " b"], amount: Float[Tensor, " b"]) -> RgbTensor:
    """Unsharp masking: the detail that a Gaussian removes from luma is added `amount` times."""
    luma = _luma(image)
    detail = luma - blur(luma, sigma[:, None])
    return (image + draws.over_pixels(amount) * detail).clamp(0, 1)


def grey(image: RgbTensor) -> RgbTensor:
    """Black and white: luma in all three channels."""
    return _luma(image).expand_as(image)


def blur(image: Float[Tensor, "b c h w"], sigma: Float[Tensor, "b c"]) -> Float[Tensor, "b c h w"]:
    """Gaussian blur with a separate standard deviation for each channel of each picture."""
    offsets = torch.arange(-REACH, REACH + 1, device=image.device)
    kernels = torch.exp(-(offsets**2) / (2 * sigma.reshape(-1, 1) ** 2))
    kernels = kernels / kernels.sum(1, keepdim=True)  # b·c taps
    planes = F.pad(image, [REACH] * 4, mode="reflect").reshape(1, -1, *_padded(image))
    rows = F.conv2d(planes, kernels[:, None, None, :], groups=len(kernels))
    both = F.conv2d(rows, kernels[:, None, :, None], groups=len(kernels))
    return both.reshape(image.shape)


def _padded(image: Float[Tensor, "b c h w"]) -> tuple[int, int]:
    return image.shape[-2] + 2 * REACH, image.shape[-1] + 2 * REACH


def _luma(image: RgbTensor) -> Float[Tensor, "b 1 h w"]:
    return (image * TO_YCBCR[0].to(image.device)[:, None, None]).sum(1, keepdim=True)


def _mix(image: RgbTensor, matrix: Float[Tensor, "3 3"]) -> RgbTensor:
    return torch.einsum("ij,bjhw->bihw", matrix.to(image.device), image)
