"""Grain that is added after restoring, where a perfectly clean picture looks waxy.

It is grey, about as soft as the grain in a camera's JPEG, strongest in the midtones and absent from
black and white. It depends on the seed and on the place in the picture alone, so tiles and machines
have no part in it.

Numpy only. Rows stream, so memory does not grow with the picture.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from mirnet.errors import ShapeError
from mirnet.shapes import Image

STRONGEST = 50.0
"""Largest amount."""
SOFTNESS = np.array([1, 2, 1], np.float32)
"""Filter of the grain, down and across: neighbours then correlate by two thirds. In JPEGs of system
cameras, the noise of neighbours in green correlates by 0.63 (docs/noise.md)."""

Plane = Float32[np.ndarray, "h w"]
Row = Float32[np.ndarray, "_"]


@dataclass(frozen=True)
class Grain:
    """How much grain, and which.

    Raises:
        ShapeError: if the amount is outside 0..50, or the seed outside 0..2^64-1.
    """

    amount: float = 0.0
    """Standard deviation in mid grey, in levels of 255."""
    seed: int = 0
    """Another seed gives other grain of the same kind."""

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= STRONGEST:
            raise ShapeError(f"grain takes 0 to {STRONGEST:g} levels, got {self.amount}")
        if not 0 <= self.seed < 2**64:
            raise ShapeError(f"the seed of grain is 0 to 2^64 - 1, got {self.seed}")

    def plane(self, top: int, height: int, width: int) -> Plane:
        """Rows of the grain before it is scaled: mean 0, standard deviation 1.

        Args:
            top: the first row, counted in the picture.
            height: number of rows.
            width: that of the picture.
        """
        white = np.stack([self._row(row, width + 2) for row in range(top, top + height + 2)])
        across = SOFTNESS[0] * (white[:, :-2] + white[:, 2:]) + SOFTNESS[1] * white[:, 1:-1]
        down = SOFTNESS[0] * (across[:-2] + across[2:]) + SOFTNESS[1] * across[1:-1]
        plane: Plane = down / np.sum(SOFTNESS**2)  # the power of both filters together
        return plane

    def add(self, bands: Iterable[Image]) -> Iterator[Image]:
        """Add it to a picture.

        The amount follows 2 sqrt(y (1 - y)), with y the mean of R, G and B: the deviation of the
        covered share in the Boolean model of film (Newson, Delon and Galerne, "A Stochastic Film
        Grain Model for Resolution-Independent Rendering", 2017, section 3).

        Args:
            bands: all rows of the picture from top to bottom, h w 3.

        Returns:
            The same bands, in 0..1 where they were, with values beyond it as they were.
        """
        top = 0
        for band in bands:
            height, width, _ = band.shape
            inside = np.nan_to_num(np.clip(band, 0, 1))
            y = inside.mean(axis=2)
            grain = self.plane(top, height, width)
            grain *= np.float32(2 * self.amount / 255) * np.sqrt(y * (1 - y))
            yield band + (np.clip(inside + grain[..., None], 0, 1) - inside)
            top += height

    def _row(self, row: int, width: int) -> Row:
        """White noise of one row, which has a generator of its own: rows come in any bands."""
        generator = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 0, row]))
        return generator.standard_normal(width, np.float32)


NONE = Grain()
"""No grain."""
