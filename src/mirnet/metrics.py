"""How close a restored picture comes to the truth: PSNR and SSIM, as the field reports them.

Arrays are h w c, RGB; the range is always said, never guessed.
"""

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
    error = np.mean(np.square(np.subtract(restored, truth, dtype=np.float64)))
    return float("inf") if error == 0 else float(10 * np.log10(data_range**2 / error))


def ssim(restored: Array, truth: Array, *, data_range: float | int) -> float:
    """Structural similarity, mean over the channels (Wang et al., TIP 2004).

    Gaussian window of 11x11 with sigma 1.5, K1 0.01, K2 0.03, the population's covariances, and
    only windows that lie inside the picture, as the authors' code and BasicSR have it.

    Raises:
        ShapeError: if the shapes differ or a side is shorter than the window.
    """
    _check(restored, truth)
    if min(truth.shape[:2]) < len(WINDOW):
        raise ShapeError(f"SSIM wants at least {len(WINDOW)} pixels a side, got {truth.shape}")
    x, y = (image.astype(np.float64) for image in (restored, truth))
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x = _blur(x * x) - mean_x**2
    variance_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return float(np.mean(luminance * structure))


def ssim_y(restored: Array, truth: Array, *, data_range: float | int) -> float:
    """SSIM on the Y channel of BT.601, as BasicSR's `calculate_ssim(test_y_channel=True)`.

    This is what the Paddle reproduction reports; it lies above the SSIM of RGB.

    Raises:
        ShapeError: as `ssim` does, and if the pictures are not RGB.
    """
    _check(restored, truth)
    if truth.shape[2] != len(LUMA):
        raise ShapeError(f"luma is made of RGB, got {truth.shape[2]} channels")
    restored_y, truth_y = (
        np.float64(255 / data_range) * (image.astype(np.float64) @ LUMA[:, None]) + 16
        for image in (restored, truth)
    )
    return ssim(restored_y, truth_y, data_range=255.0)


def _check(restored: Array, truth: Array) -> None:
    if restored.shape != truth.shape or restored.ndim != 3:
        raise ShapeError(
            f"two pictures of one shape, height x width x channels, are needed; got "
            f"{restored.shape} and {truth.shape}"
        )


WINDOW = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
WINDOW /= WINDOW.sum()


def _blur(image: Array) -> Array:
    """The Gaussian mean at every place where the window fits."""
    size = len(WINDOW)
    height, width = image.shape[0] - size + 1, image.shape[1] - size + 1
    rows = sum(weight * image[k : k + height] for k, weight in enumerate(WINDOW))
    return np.asarray(sum(weight * rows[:, k : k + width] for k, weight in enumerate(WINDOW)))
