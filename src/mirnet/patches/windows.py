"""Where patches are cut out of a picture: integers only, no pixels.

Both kinds answer alike: `windows(name, height, width)` depends on its arguments and on the fields,
and on nothing else.
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
        """Its rows and columns."""
        return slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)


def rng(seed: int, name: str, number: int = 0) -> np.random.Generator:
    """Random numbers for a picture, or for one of its patches, that no other picture changes.

    Args:
        seed: 0 or more.
        name: of the picture.
        number: of the patch.
    """
    return np.random.default_rng([seed, number, *name.encode("utf-8", "surrogateescape")])


def somewhere(height: int, width: int, side: int, rng: np.random.Generator) -> Window:
    """Anywhere in a picture of at least that side, the last row and column included."""
    top, left = rng.integers([height - side + 1, width - side + 1])
    return Window(int(top), int(left), side)


@dataclass(frozen=True)
class RandomWindows:
    """Squares anywhere in the picture, the last row and column included."""

    patch: int
    """Their side in pixels."""
    per_image: int
    """How many."""
    seed: int

    def windows(self, name: str, height: int, width: int) -> list[Window]:
        """Those of a picture that measures at least a patch a side."""
        numbers = rng(self.seed, name)
        return [somewhere(height, width, self.patch, numbers) for _ in range(self.per_image)]

    def record(self) -> dict[str, int | str]:
        """What the windows depend on besides the picture."""
        return {"windows": "random", **asdict(self)}


@dataclass(frozen=True)
class GridWindows:
    """Squares row by row that share a quarter of their side and together cover the picture.

    With a side of 512 they are the crops of the official protocol, which share 128 pixels.
    """

    patch: int
    """Their side in pixels."""

    def windows(self, name: str, height: int, width: int) -> list[Window]:
        """Those of a picture that measures at least a patch a side, whatever its name."""
        rows, columns = self._starts(height), self._starts(width)
        return [Window(top, left, self.patch) for top in rows for left in columns]

    def record(self) -> dict[str, int | str]:
        """What the windows depend on besides the picture."""
        return {"windows": "grid", **asdict(self)}

    def _starts(self, size: int) -> list[int]:
        """The last one is flush with the border, however much it then shares."""
        last = size - self.patch
        return [*range(0, last, self.patch - self.patch // 4), last]
