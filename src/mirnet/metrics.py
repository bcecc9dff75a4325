"""Distance of a picture from the truth: PSNR and SSIM as in the literature; and its noise level.

Arrays are h w c, RGB; the range is always given explicitly, never guessed.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mirnet.errors import ShapeError

Array = npt.NDArray[Any]

LUMA = np.array([65.481, 128.553, 24.966]) / 255
"""RGB to the Y of BT.601 in video range: Y = 16 + 219 · (0.299 R + 0.587 G + 0.114 B)."""


def psnr(restored: Array, truth: Array, *, data_range: float | int) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels; infinite if they are equal.

    Args:
        restored: any real dtype.
        truth: of the same shape and range.
        data_range: the largest value that a pixel can have (1.0 or 255).

    Raises:
        ShapeError: if the shapes differ.

    >>> round(psnr(np.full((2, 2, 3), 0.1), np.zeros((2, 2, 3)), data_range=1.0), 6)
    20.0
    """
    _check(restored, truth)
    error = float(np.mean(np.square(np.subtract(restored, truth, dtype=np.float64))))
    return decibels(error, data_range=data_range)


def decibels(error: float, *, data_range: float | int) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error; infinite if that is 0.

    >>> round(decibels(0.01, data_range=1.0), 6)
    20.0
    """
    return 10 * math.log10(data_range**2 / error) if error else math.inf


def ssim(restored: Array, truth: Array, *, data_range: float | int) -> float:
    """Structural similarity, mean over the channels (Wang et al., TIP 2004).

    Gaussian window of 11x11 with sigma 1.5, K1 0.01, K2 0.03, population covariances, and only
    windows that lie inside the picture, as in the authors' code and BasicSR.

    Raises:
        ShapeError: if the shapes differ or a side is shorter than the window.
    """
    _check(restored, truth)
    if min(truth.shape[:2]) < len(WINDOW):
        raise ShapeError(f"SSIM needs at least {len(WINDOW)} pixels a side, got {truth.shape}")
    return _similarity(restored, truth, np.eye(truth.shape[2]), data_range)


def ssim_y(restored: Array, truth: Array, *, data_range: float | int) -> float:
    """SSIM on the Y channel of BT.601, like BasicSR's `calculate_ssim(test_y_channel=True)`.

    This is what the Paddle reproduction reports; it is higher than the SSIM of RGB.

    Raises:
        ShapeError: as `ssim` does, and if the pictures are not RGB.
    """
    _check(restored, truth)
    return ssim(*_luma(restored, truth, data_range), data_range=255.0)


def psnr_y(restored: Array, truth: Array, *, data_range: float | int) -> float:
    """PSNR in dB of the Y channel of BT.601, like BasicSR's `calculate_psnr(test_y_channel=True)`.

    This is what papers on super-resolution report.

    Raises:
        ShapeError: if the shapes differ, or the pictures are not RGB.
    """
    _check(restored, truth)
    return psnr(*_luma(restored, truth, data_range), data_range=255.0)


def _luma(restored: Array, truth: Array, data_range: float | int) -> tuple[Array, Array]:
    """The Y of both, h w 1, from 16 to 235."""
    if truth.shape[2] != len(LUMA):
        raise ShapeError(f"luma needs RGB, got {truth.shape[2]} channels")
    restored_y, truth_y = (
        np.float64(255 / data_range) * (image.astype(np.float64) @ LUMA[:, None]) + 16
        for image in (restored, truth)
    )
    return restored_y, truth_y


def ssim_uniform(restored: Array, truth: Array, *, data_range: float | int) -> float:
    """SSIM, mean over the channels, as scikit-image's `structural_similarity` has it by default.

    Every pixel of a 7x7 window counts the same, covariances are those of a sample (divided by 48),
    K1 0.01, K2 0.03, and only windows that lie inside the picture. Papers on dual-pixel deblurring
    report it. It cannot be compared with `ssim`.

    Raises:
        ShapeError: if the shapes differ or a side is shorter than the window.
    """
    _check(restored, truth)
    if min(truth.shape[:2]) < len(UNIFORM):
        raise ShapeError(f"SSIM needs at least {len(UNIFORM)} pixels a side, got {truth.shape}")
    return _similarity(
        restored, truth, np.eye(truth.shape[2]), data_range, window=UNIFORM, is_sample=True
    )


def mae(restored: Array, truth: Array, *, data_range: float | int) -> float:
    """Mean absolute error over all pixels and channels, as a fraction of the range.

    Raises:
        ShapeError: if the shapes differ.

    >>> mae(np.full((2, 2, 3), 51), np.zeros((2, 2, 3)), data_range=255)
    0.2
    """
    _check(restored, truth)
    error = np.abs(np.subtract(restored, truth, dtype=np.float64))
    return float(np.mean(error)) / data_range


def match_light(restored: Array, truth: Array) -> Array:
    """A result multiplied until its mean grey is that of the truth, and clipped to 0..1.

    Some papers on low light measure their results so (grey as 0.299 R + 0.587 G + 0.114 B, after
    KinD: Zhang et al., "Kindling the Darkness", 2019). It needs the truth, so it flatters.

    Args:
        restored: h w 3, in 0..1.
        truth: of the same shape.

    Raises:
        ShapeError: if the shapes differ or are not those of RGB pictures.
    """
    _check(restored, truth)
    if truth.shape[2] != len(LUMA):
        raise ShapeError(f"grey is defined for 3 channels, got {truth.shape[2]}")
    weights = LUMA / LUMA.sum()
    wanted, mean = (float(image.mean((0, 1)) @ weights) for image in (truth, restored))
    if not mean:
        return restored
    matched: Array = np.clip(restored * restored.dtype.type(wanted / mean), 0, 1)
    return matched


def ssim_volume(restored: Array, truth: Array, *, data_range: float | int) -> float:
    """SSIM as MATLAB's `ssim` computes it for a colour picture given as an array.

    MATLAB treats h w 3 as a volume of three slices, so its window spans the channels too: a 3-D
    Gaussian of 11x11x11 with sigma 1.5, the volume padded by replicating its border, K1 0.01,
    K2 0.03, mean over all positions. MIRNetV2's own `Enhancement/evaluate_PSNR_SSIM.m` does this.

    Raises:
        ShapeError: if the shapes differ.
    """
    _check(restored, truth)
    reach = len(WINDOW) // 2
    padding = ((reach, reach), (reach, reach), (0, 0))
    x, y = (np.pad(image, padding, mode="edge") for image in (restored, truth))
    return _similarity(x, y, _across(truth.shape[2]), data_range)


OCTAVES = 3
"""Scales used by `noise_level`: the noise of a developed picture spans several pixels."""


def noise_level(picture: Array, *, data_range: float | int) -> float:
    """Standard deviation of the noise, estimated from the picture alone; mean over the channels.

    For each octave of a Haar wavelet transform, the noise follows from the median of the
    coefficients (Donoho and Johnstone, Biometrika 1994): median(|d|) / 0.6745 for each of the three
    details. Their powers add up to that of the picture's noise; anything coarser than the last
    octave is assumed to be as strong as one of its details. A single octave, as is usual, would
    miss half of the noise that demosaicing has spread.

    It is an estimate: fine texture throughout the picture counts as noise, and noise of less than
    three levels of 8 bits is estimated coarsely. Coefficients of pixels that touch black or white
    are left out, since clipping hides noise; a picture of nothing else has none.

    Args:
        picture: h w c, any real dtype, sides of 2 or more.
        data_range: the value of white; black is 0.

    Returns:
        In the units of the picture.

    Raises:
        ShapeError: if it is smaller, or no h w c.

    >>> rng = np.random.default_rng(0)
    >>> round(noise_level(rng.normal(128, 10, (256, 256, 3)), data_range=255))
    10
    """
    if picture.ndim != 3 or min(picture.shape[:2]) < 2:
        raise ShapeError(f"noise is estimated from 2x2 pixels or more, got {picture.shape}")
    # channel by channel: for a large picture, half a dozen such planes are in memory
    return float(np.mean([_noise_power(plane, data_range) ** 0.5 for plane in picture.T]))


def _noise_power(plane: Array, white: float | int) -> float:
    """The variance of the noise of one channel."""
    inside = (plane > 0) & (plane < white)
    mean = plane.astype(np.float64)
    total, power = 0.0, 0.0
    for _ in range(OCTAVES):
        if min(mean.shape) < 2:
            break
        a, b, c, d = _quarters(mean)
        inside = np.logical_and.reduce(_quarters(inside))
        details = (a - b + c - d, a + b - c - d, a - b - c + d)
        mean = (a + b + c + d) / 4
        power = sum(_robust_variance(each[inside] / 4) for each in details)
        total += power
    return total + power / 3


def _quarters(plane: Array) -> tuple[Array, Array, Array, Array]:
    """The four corners of all blocks of 2x2 pixels; an odd last row or column is dropped."""
    height, width = (length // 2 * 2 for length in plane.shape)
    whole = plane[:height, :width]
    return whole[::2, ::2], whole[::2, 1::2], whole[1::2, ::2], whole[1::2, 1::2]


def _robust_variance(values: Array) -> float:
    """Variance of normally distributed values, robust to outliers."""
    return float(np.median(np.abs(values)) / 0.6744897501960817) ** 2 if values.size else 0.0


def _check(restored: Array, truth: Array) -> None:
    if restored.shape != truth.shape or restored.ndim != 3:
        raise ShapeError(
            f"both pictures must have the same shape, height x width x channels; got "
            f"{restored.shape} and {truth.shape}"
        )


WINDOW = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
WINDOW /= WINDOW.sum()

UNIFORM = np.full(7, 1 / 7)


BAND = 16
"""Rows compared at a time: few enough to stay in the processor's cache."""


def _similarity(
    x: Array,
    y: Array,
    mixing: Array,
    data_range: float | int,
    *,
    window: Array = WINDOW,
    is_sample: bool = False,
) -> float:
    """Mean of the SSIM map over all positions where the window fits.

    Args:
        x: h w c.
        y: h w c.
        mixing: c c, weight of a channel (column) in the window of another (row).
        data_range: the largest value that a pixel can have.
        window: weights of rows and of columns, symmetric; their sum is 1.
        is_sample: whether covariances are divided by one less than the number of pixels, which then
            all have one weight.
    """
    pixels = len(window) ** 2
    spread = pixels / (pixels - 1) if is_sample else 1.0
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    reach = len(window) - 1
    height, width = x.shape[0] - reach, x.shape[1] - reach
    total = 0.0
    for top in range(0, height, BAND):
        rows = slice(top, min(top + BAND, height) + reach)
        a, b = x[rows].astype(np.float64), y[rows].astype(np.float64)
        means = _blur(np.stack([a, b, a * a + b * b, a * b]), window) @ mixing.T
        product = means[0] * means[1]
        squares = means[0] ** 2 + means[1] ** 2
        luminance = (2 * product + c1) / (squares + c1)
        # of the variances, only their sum is needed
        structure = (2 * spread * (means[3] - product) + c2) / (spread * (means[2] - squares) + c2)
        total += float(np.sum(luminance * structure))
    return float(total / (height * width * x.shape[2]))


def _blur(maps: Array, window: Array) -> Array:
    """The weighted mean of n h w c at every position where the window fits."""
    height, width = (length - len(window) + 1 for length in maps.shape[1:3])
    rows = _weighted([maps[:, k : k + height] for k in range(len(window))], window)
    return _weighted([rows[:, :, k : k + width] for k in range(len(window))], window)


def _weighted(shifted: list[Array], window: Array) -> Array:
    """The sum of one array per window weight; the weights are symmetric."""
    middle = len(window) // 2
    total = shifted[middle] * window[middle]
    pair = np.empty_like(total)
    for k in range(middle):
        np.add(shifted[k], shifted[-1 - k], out=pair)
        pair *= window[k]
        total += pair
    return np.asarray(total)


def _across(channels: int) -> Array:
    """The window over the channels, c c, with the first and last channel replicated."""
    mixing = np.zeros((channels, channels))
    reach = len(WINDOW) // 2
    for channel in range(channels):
        for k, weight in enumerate(WINDOW):
            mixing[channel, min(max(channel + k - reach, 0), channels - 1)] += weight
    return mixing
