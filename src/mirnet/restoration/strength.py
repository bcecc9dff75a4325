"""How noise returns at strengths below 1: first fine grain of the luminance, colour noise last.

What the network removed is split into luminance and chroma, and the luminance into scales. A
different share of each part is added back, see `shares`. docs/strength.md has the reasons, pictures
and figures.

Numpy only: no runtime and no tiles. Rows stream, so memory does not grow with the picture.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from mirnet.shapes import Image

SCALES = 3
"""Number of luminance scales; one more holds everything coarser. The finest scale holds waves
shorter than about 6 pixels, the next up to 12, the last up to 24: grain, its traces after
demosaicing, and blotches. Anything coarser is as likely shading of the picture as noise."""

REACH = sum(2 * 2**scale for scale in range(SCALES))
"""Distance in pixels up to which the split depends on the surroundings."""

B3_SPLINE = np.array([1, 4, 6, 4, 1], np.float32) / 16
"""Smoothing filter of the transform."""

ROWS = 64
"""Rows blended at a time. Fewer spend more time on surrounding rows; more take more memory."""

Plane = Float32[np.ndarray, "_ _"]
"""One value per pixel; any two planes may differ in size."""

Values = Float32[np.ndarray, "_ _ _"]
"""Any number of values per pixel."""

Layers = Float32[np.ndarray, "h w 6"]
"""RGB of the original, with any values, followed by what was removed from it."""


def layers(original: Image, removed: Image) -> Layers:
    """Both in one array, h w 3 each, so that they pass through tiling together."""
    return np.concatenate([original, removed], axis=2)


def shares(strength: float) -> npt.NDArray[np.float32]:
    """The share of each part of the removed noise that is added back, from 0 to 1.

    The part of rank k keeps (1 - strength)^k: as much as after k plain blends of this strength. So
    the finest grain returns as in a plain blend, and each further part returns later and less.

    Returns:
        SCALES + 2 numbers: of luminance, from its finest scale to all that is coarser than the
        last one, and of chroma.

    >>> shares(0.5)
    array([0.5    , 0.25   , 0.125  , 0.0625 , 0.03125], dtype=float32)
    """
    ranks = np.arange(1, SCALES + 3)
    return ((1 - strength) ** ranks).astype(np.float32)


@dataclass(frozen=True)
class Margins:
    """Pixels around a part of a picture, of which only the split takes notice.

    Each is `REACH`, or fewer where the picture ends there.
    """

    above: int = 0
    below: int = 0
    left: int = 0
    right: int = 0


@dataclass(frozen=True)
class Parts:
    """A part of a picture, split so that blending it at another strength is quick."""

    original: Image
    """h w 3."""
    restored: Image
    """The original without what was removed, h w 3."""
    chroma: Image
    """Chroma of what was removed, h w 3."""
    smoothed: tuple[Plane, ...]
    """Luminance of what was removed, and its smoothings: SCALES + 1 planes, h w."""

    def each(self, change: Callable[[Values], Values]) -> "Parts":
        """All of it changed alike, by a function that takes h w c with any c."""
        original, restored, chroma = map(change, (self.original, self.restored, self.chroma))
        planes = tuple(change(plane[..., None])[..., 0] for plane in self.smoothed)
        return Parts(original, restored, chroma, planes)

    @classmethod
    def stacked(cls, bands: Sequence["Parts"]) -> "Parts":
        """One part of several that lie below each other."""
        return cls(
            np.concatenate([band.original for band in bands]),
            np.concatenate([band.restored for band in bands]),
            np.concatenate([band.chroma for band in bands]),
            tuple(
                np.concatenate(planes)
                for planes in zip(*(band.smoothed for band in bands), strict=True)
            ),
        )

    def blend(self, strength: float) -> Image:
        """The part with some of the noise added back, h w 3; see `strength.blend`."""
        *luminance_shares, chroma_share = shares(strength)
        grain = luminance_shares[0] * self.smoothed[0]
        for scale in range(SCALES):
            change = luminance_shares[scale + 1] - luminance_shares[scale]
            grain += change * self.smoothed[scale + 1]
        blended: Image = chroma_share * self.chroma
        blended += self.restored
        blended += grain[..., None]
        # luminance added back without its chroma may exceed the range
        low, high = self._range
        np.clip(blended, low, high, out=blended)
        return blended

    @cached_property
    def _range(self) -> tuple[Image | np.float32, Image | np.float32]:
        """The range of the original, where it exceeds 0..1."""
        zero, one = np.float32(0), np.float32(1)
        if self.original.min() >= 0 and self.original.max() <= 1:  # False for NaN
            return zero, one
        return np.fmin(self.original, zero), np.fmax(self.original, one)


@dataclass(frozen=True)
class Ends:
    """A part of a picture whose light was changed: any strength is a plain mean of both ends."""

    original: Image
    """h w 3."""
    restored: Image
    """h w 3."""

    def each(self, change: Callable[[Values], Values]) -> "Ends":
        """Both changed alike."""
        return Ends(change(self.original), change(self.restored))

    @classmethod
    def stacked(cls, bands: Sequence["Ends"]) -> "Ends":
        """One part of several that lie below each other."""
        return cls(
            np.concatenate([band.original for band in bands]),
            np.concatenate([band.restored for band in bands]),
        )

    def blend(self, strength: float) -> Image:
        """The part at a strength from 0, the original, to 1; h w 3."""
        blended: Image = self.original + np.float32(strength) * (self.restored - self.original)
        return blended


def split(layers: Layers, margins: Margins) -> Parts:
    """Split what was removed from a part of a picture.

    Args:
        layers: the part with its margins.
        margins: which are not in the result.
    """
    original, removed = layers[..., :3], layers[..., 3:]
    luminance = removed.mean(axis=2)
    edges = (margins.above, margins.below), (margins.left, margins.right)
    padding = tuple((REACH - before, REACH - after) for before, after in edges)
    smoothed = _smoothed(np.pad(luminance, padding, mode="reflect"))
    height, width = luminance.shape
    inner = (
        slice(margins.above, height - margins.below),
        slice(margins.left, width - margins.right),
    )
    original, removed, luminance = original[inner], removed[inner], luminance[inner]
    return Parts(original, original - removed, removed - luminance[..., None], smoothed)


def blend(bands: Iterable[Layers], height: int, strength: float) -> Iterator[Image]:
    """The restored picture, with part of the noise added back.

    Luminance is the mean of R, G and B, and chroma is the rest. Noise that is independent and
    equally strong in the channels stays independent in these two, and their squares add up to that
    of the whole. BT.601's luma would mix the two.

    Args:
        bands: rows of the picture, from top to bottom.
        height: height of the picture.
        strength: from 0, where everything is added back, to 1. The lower the strength, the closer
            the result is to the original, in mean square error and where nothing is clipped.

    Returns:
        Bands of h w 3 in 0..1, beyond it only as far as the original is.
    """
    for rows, above, below in _with_surroundings(bands, height):
        yield split(rows, Margins(above, below)).blend(strength)


def _with_surroundings(bands: Iterable[Layers], height: int) -> Iterator[tuple[Layers, int, int]]:
    """All rows in turn, each with `REACH` rows above and below, fewer at the picture's edges.

    Yields:
        Rows, and how many of them are above and below those whose turn it is.
    """
    window: Layers | None = None
    above = done = 0
    for rows in _in_pieces(bands):
        window = rows if window is None else np.concatenate([window, rows])
        read = done - above + len(window)
        below = 0 if read == height else REACH
        if read - below <= done:
            continue
        yield window, above, below
        done = read - below
        above = min(done, REACH)
        window = window[len(window) - below - above :]


def _in_pieces(bands: Iterable[Layers]) -> Iterator[Layers]:
    for band in bands:
        for first in range(0, len(band), ROWS):
            yield band[first : first + ROWS]


def _smoothed(plane: Plane) -> tuple[Plane, ...]:
    """A plane and its smoothings, each twice the size of the one before.

    The scales are those of the undecimated "à trous" wavelet transform with a B3 spline (Starck
    and Murtagh, Astronomical Image and Data Analysis, 2006): each is the difference of two
    smoothings, so their plain sum is the plane. Both pass each frequency by 0 to 1, the second one
    less, so the gain of a weighted sum is a mean of the weights.

    Args:
        plane: with `REACH` pixels of surroundings.

    Returns:
        SCALES + 1 planes without the surroundings.
    """
    smoothed = [_without_edge(plane, REACH)]
    edge = REACH
    for scale in range(SCALES):
        plane = _smooth(plane, 2**scale)
        edge -= 2 * 2**scale
        smoothed.append(_without_edge(plane, edge))
    return tuple(smoothed)


def _smooth(plane: Plane, step: int) -> Plane:
    """Filtered vertically and horizontally, taps `step` pixels apart; each side loses 2 steps."""
    for _ in range(2):
        length = len(plane) - 4 * step
        taps = [plane[k * step : k * step + length] for k in range(len(B3_SPLINE))]
        down = B3_SPLINE[2] * taps[2]
        down += B3_SPLINE[1] * (taps[1] + taps[3])
        down += B3_SPLINE[0] * (taps[0] + taps[4])
        plane = down.T
    return plane


def _without_edge(plane: Plane, edge: int) -> Plane:
    height, width = plane.shape
    return plane[edge : height - edge, edge : width - edge]
