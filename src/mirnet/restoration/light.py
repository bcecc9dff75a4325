"""The light of a whole picture, for models that judge it: found once, on a small copy.

What a network that brightens or retouches does to a pixel depends on all the others. In tiles, each
would find an exposure of its own. So the network sees the whole picture first, shrunk to the size
of one tile, and decides the light; then every tile is restored for its detail, and multiplied until
it is as bright, place by place, as the small copy's result.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mirnet.pictures import pixels
from mirnet.shapes import Image, Pixels

FLOOR = 0.02
"""Added to values before they are compared: ratios of nearly black ones are noise."""
MOST = 8.0
"""Largest gain, three stops; where a tile's result is black, there is nothing to brighten."""

Values = npt.NDArray[np.floating]
"""Numbers of the picture's own precision, or more."""


class Shrinking:
    """Means of squares of pixels, from rows that come in bands.

    Args:
        height, width: of the picture.
        step: side of the squares; those at the right and lower edge may be cut off.
    """

    def __init__(self, height: int, width: int, step: int) -> None:
        self._columns = np.arange(0, width, step)
        self._sums = np.zeros((-(-height // step), len(self._columns), 3))
        counts = np.minimum(step, height - np.arange(0, height, step))[:, None, None]
        self._counts = counts * np.minimum(step, width - self._columns)[None, :, None]
        self._top, self._step = 0, step

    def add(self, rows: Pixels) -> None:
        """Take the next rows, of which networks see what lies in 0..1."""
        image = np.nan_to_num(pixels.to_rgb(pixels.to_float(rows)).clip(0, 1), copy=False)
        sums = np.add.reduceat(image, self._columns, axis=1, dtype=np.float64)
        for index, row in enumerate(sums):
            self._sums[(self._top + index) // self._step] += row
        self._top += len(rows)

    def image(self) -> Image:
        """The small picture, h w 3, once all rows have come."""
        small: Image = (self._sums / self._counts).astype(np.float32)
        return small


@dataclass(frozen=True)
class Light:
    """How bright each place of a picture is to be."""

    small: Image
    """The result for the small copy, h w 3."""
    step: int
    """Side of the squares of the picture that are a pixel of it."""

    def onto(self, tile: Image, top: int, left: int) -> Image:
        """A tile's result, h w 3, as bright as the whole wants it.

        Args:
            tile: restored for itself.
            top: its first row in the picture, which may be above it.
            left: its first column, likewise.
        """
        height, width, _ = tile.shape
        tall, wide = self.small.shape[:2]
        rows, columns = self._squares(top, height), self._squares(left, width)
        wanted = self.small[np.clip(rows, 0, tall - 1)][:, np.clip(columns, 0, wide - 1)]
        own = _means(_means(tile, rows, top, self.step, 0), columns, left, self.step, 1)
        gain: Values = np.clip((wanted + FLOOR) / (own.clip(0) + FLOOR), 1 / MOST, MOST)
        gain = _between(gain, (top + np.arange(height) + 0.5) / self.step - 0.5 - rows[0], 0)
        gain = _between(gain, (left + np.arange(width) + 0.5) / self.step - 0.5 - columns[0], 1)
        lit: Image = ((tile + FLOOR) * gain - FLOOR).astype(np.float32)
        return lit

    def _squares(self, first: int, length: int) -> npt.NDArray[np.int64]:
        """Indices of the squares that these rows or columns of the picture touch."""
        return np.arange(first // self.step, -(-(first + length) // self.step))


def _means(
    image: Values, squares: npt.NDArray[np.int64], first: int, step: int, axis: int
) -> Values:
    """Means of an axis over those parts of the squares that are in the tile."""
    begins = np.maximum(squares * step - first, 0)
    counts = np.diff([*begins, image.shape[axis]])
    shape = [1, 1, 1]
    shape[axis] = len(counts)
    means: Values = np.add.reduceat(image, begins, axis=axis) / counts.reshape(shape).astype(
        np.float32
    )
    return means


def _between(values: Values, places: Values, axis: int) -> Values:
    """Values at places between them along an axis, interpolated; beyond the ends the last ones."""
    places = np.clip(places, 0, values.shape[axis] - 1)
    lower = places.astype(np.int64)
    upper = np.minimum(lower + 1, values.shape[axis] - 1)
    shape = [1, 1, 1]
    shape[axis] = len(places)
    share = (places - lower).astype(np.float32).reshape(shape)
    between: Values = (
        np.take(values, lower, axis) * (1 - share) + np.take(values, upper, axis) * share
    )
    return between
