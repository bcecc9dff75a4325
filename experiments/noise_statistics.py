"""What noise is like, told from a noisy and a clean picture: to compare a model of it with reality.

Plain NumPy, no randomness. Everything is measured on the residual, noisy minus clean, which holds
whatever a camera did to the picture beside developing it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from mirnet.errors import ShapeError

Picture = UInt8[np.ndarray, "_ _ 3"]  # each of its own height and width
Residual = Float[np.ndarray, "h w 3"]

BINS = (0, 16, 32, 48, 64, 96, 128, 160, 192, 224, 256)
"""Edges of the classes of brightness, levels of 255 of the clean picture's channel."""
FEWEST = 400
"""Pixels that a class must hold: its deviation is then known to 4 %, were they independent."""
LAGS = 6
"""Pixels up to which neighbours are correlated."""
DIRECTIONS = ("horizontal", "vertical", "diagonal")
CHANNEL_PAIRS = ((0, 1), (1, 2), (0, 2))
"""Red and green, green and blue, red and blue."""
OCTAVES = 4
SMALLEST = 4 * 2**OCTAVES
"""Side of the smallest picture that is measured."""

OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
"""RGB to luma, red against blue, and green against both: orthonormal, so that powers add up."""


@dataclass(frozen=True)
class NoiseStatistics:
    """Figures of one pair. What cannot be told, for want of noise or of such pixels, is NaN."""

    level: Float[np.ndarray, " 3"]
    """Standard deviation of R, G, B, levels of 255."""
    by_brightness: Float[np.ndarray, "bins 3"]
    """The same among pixels whose clean value lies in one of `BINS`."""
    autocorrelation: Float[np.ndarray, "3 lags 3"]
    """Of the standardised residual with itself 1 to `LAGS` pixels away, for each of `DIRECTIONS`
    and R, G, B; diagonally, the mean of both diagonals."""
    channel_correlation: Float[np.ndarray, " 3"]
    """Of the standardised residuals of `CHANNEL_PAIRS`."""
    octaves: Float[np.ndarray, "octaves 2"]
    """Share of the noise's power in luma and chroma (`OPPONENT`): rows are the octaves of a Haar
    transform from the finest one, and last what is coarser than these. All sum to one."""
    kurtosis: Float[np.ndarray, " 3"]
    """Excess kurtosis of the standardised residual; 0 for a normal distribution."""


def measure(noisy: Picture, clean: Picture) -> NoiseStatistics:
    """The noise of a picture whose truth is known.

    Noise depends on brightness, and where black clips it its mean is not zero. So that a picture's
    subject does not pass for correlation or heavy tails, correlations and kurtosis are those of the
    standardised residual: among pixels alike in brightness, less their mean, over their deviation.

    Raises:
        ShapeError: if the halves differ in shape or a side is shorter than `SMALLEST`.
    """
    if noisy.shape != clean.shape or min(clean.shape[:2]) < SMALLEST:
        raise ShapeError(
            f"noise is measured on two pictures of one size, {SMALLEST} pixels a side or more; got "
            f"{noisy.shape} and {clean.shape}"
        )
    residual = noisy.astype(np.float64) - clean
    unbiased, standardised, by_brightness = _standardise(residual, clean)
    with np.errstate(invalid="ignore", divide="ignore"):  # pictures without noise give NaN
        return NoiseStatistics(
            level=residual.std((0, 1)),
            by_brightness=by_brightness,
            autocorrelation=_autocorrelation(standardised),
            channel_correlation=_channel_correlation(standardised),
            octaves=_octaves(unbiased),
            kurtosis=(standardised**4).mean((0, 1)) / (standardised**2).mean((0, 1)) ** 2 - 3,
        )


def _standardise(
    residual: Residual, clean: Picture
) -> tuple[Residual, Residual, Float[np.ndarray, "bins 3"]]:
    """The residual less the mean of its class, that over its deviation, and the deviations."""
    classes = np.digitize(clean, BINS) - 1
    unbiased, standardised = np.zeros_like(residual), np.zeros_like(residual)
    deviations = np.full((len(BINS) - 1, 3), np.nan)
    for channel in range(3):
        for index in np.unique(classes[..., channel]):
            inside = classes[..., channel] == index
            values = residual[..., channel][inside]
            centred, deviation = values - values.mean(), values.std()
            unbiased[..., channel][inside] = centred
            standardised[..., channel][inside] = centred / deviation if deviation else 0
            if len(values) >= FEWEST:
                deviations[index, channel] = deviation
    return unbiased, standardised, deviations


def _autocorrelation(z: Residual) -> Float[np.ndarray, "3 lags 3"]:
    power = (z**2).mean((0, 1))
    lags = range(1, LAGS + 1)
    horizontal = [(z[:, lag:] * z[:, :-lag]).mean((0, 1)) for lag in lags]
    vertical = [(z[lag:] * z[:-lag]).mean((0, 1)) for lag in lags]
    down = [(z[lag:, lag:] * z[:-lag, :-lag]).mean((0, 1)) for lag in lags]
    up = [(z[lag:, :-lag] * z[:-lag, lag:]).mean((0, 1)) for lag in lags]
    diagonal = (np.array(down) + np.array(up)) / 2
    result: Float[np.ndarray, "3 lags 3"] = np.stack([horizontal, vertical, diagonal]) / power
    return result


def _channel_correlation(z: Residual) -> Float[np.ndarray, " 3"]:
    deviation = (z**2).mean((0, 1)) ** 0.5
    return np.array(
        [
            (z[..., one] * z[..., other]).mean() / (deviation[one] * deviation[other])
            for one, other in CHANNEL_PAIRS
        ]
    )


def _octaves(residual: Residual) -> Float[np.ndarray, "octaves 2"]:
    """Powers by an orthonormal Haar transform, which keeps their sum."""
    block = 2**OCTAVES
    height, width = (side // block * block for side in residual.shape[:2])
    mean = residual[:height, :width] @ OPPONENT.T
    powers = []
    for _ in range(OCTAVES):
        a, b, c, d = mean[::2, ::2], mean[::2, 1::2], mean[1::2, ::2], mean[1::2, 1::2]
        details = (a - b + c - d, a + b - c - d, a - b - c + d)
        powers.append(sum((each**2).sum((0, 1)) for each in details) / 4)
        mean = (a + b + c + d) / 2
    powers.append((mean**2).sum((0, 1)))
    by_colour = np.array(powers)  # octaves 3
    shares = np.stack([by_colour[:, 0], by_colour[:, 1:].sum(1)], 1)
    result: Float[np.ndarray, "octaves 2"] = shares / shares.sum()
    return result
