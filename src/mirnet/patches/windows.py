"""Positions of patches in a picture: integers only, no pixels.

Both classes have the same interface: `windows(name, height, width)` depends only on its arguments
and on the fields.
"""

from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """A square of a picture, in pixels."""

    top: int
    left: int
    side: int

    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns as slices."""
        return slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)


def rng(seed: int, name: str, number: int = 0) -> np.random.Generator:
    """A random generator for a picture, or for one of its patches, independent of other pictures.

    Args:
        seed: 0 or more.
        name: name of the picture.
        number: number of the patch.
    """
    return np.random.default_rng([seed, number, *name.encode("utf-8", "surrogateescape")])


def somewhere(height: int, width: int, side: int, rng: np.random.Generator) -> Window:
    """A random position in a picture of at least that side, including the last row and column."""
    top, left = rng.integers([height - side + 1, width - side + 1])
    return Window(int(top), int(left), side)


@dataclass(frozen=True)
class RandomWindows:
    """Squares at random positions in the picture, including the last row and column."""

    patch: int
    """Side in pixels."""
    per_image: int
    """Number of squares per picture."""
    seed: int

    def windows(self, name: str, height: int, width: int) -> list[Window]:
        """The windows of a picture whose sides are at least a patch."""
        numbers = rng(self.seed, name)
        return [somewhere(height, width, self.patch, numbers) for _ in range(self.per_image)]

    def record(self) -> dict[str, int | str]:
        """Everything that the windows depend on besides the picture."""
        return {"windows": "random", **asdict(self)}


@dataclass(frozen=True)
class GridWindows:
    """Squares in rows that overlap by a quarter of their side and together cover the picture.

    With a side of 512 they are the crops of the official protocol, which overlap by 128 pixels.
    """

    patch: int
    """Side in pixels."""

    def windows(self, name: str, height: int, width: int) -> list[Window]:
        """The windows of a picture whose sides are at least a patch, whatever its name."""
        rows, columns = self._starts(height), self._starts(width)
        return [Window(top, left, self.patch) for top in rows for left in columns]

    def record(self) -> dict[str, int | str]:
        """Everything that the windows depend on besides the picture."""
        return {"windows": "grid", **asdict(self)}

    def _starts(self, size: int) -> list[int]:
        """The last window ends at the border, whatever its overlap."""
        last = size - self.patch
        return [*range(0, last, self.patch - self.patch // 4), last]
