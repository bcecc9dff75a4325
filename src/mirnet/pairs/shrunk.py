"""Pairs of one size, such as RealSR's, for networks that enlarge: the noisy half is shrunk.

RealSR's halves are photographs of one scene through a short and a long lens, laid over each other
pixel by pixel, so the one with less detail was enlarged beforehand. Shrunk again, it is the small
picture that a network which enlarges would be given.
"""

from dataclasses import dataclass

import numpy as np

from mirnet.pairs.pairs import Pairs, Patch, Truth, Whole, WholeTruth


@dataclass(frozen=True)
class Shrunk:
    """Pairs whose noisy half is the mean of squares of `scale` by `scale` pixels; see `Pairs`.

    Rows and columns that fill no square are left out of both halves.
    """

    pairs: Pairs
    scale: int

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def views(self) -> int:
        return self.pairs.views

    def name(self, index: int) -> str:
        return self.pairs.name(index)

    def crop(self, index: int, side: int, place: tuple[float, float]) -> tuple[Patch, Truth]:
        noisy, clean = self.pairs.crop(index, side * self.scale, place)
        return shrink(noisy, self.scale), clean

    def whole(self, index: int) -> tuple[Whole, WholeTruth]:
        noisy, clean = self.pairs.whole(index)
        height, width = (side // self.scale * self.scale for side in noisy.shape[:2])
        if noisy.shape[:2] != (height, width):
            noisy, clean = noisy[:height, :width], clean[:height, :width].copy()
        return shrink(noisy, self.scale), clean

    def check(self, side: int) -> None:
        self.pairs.check(side * self.scale)


def shrink(picture: np.ndarray, scale: int) -> np.ndarray:
    """The means of squares of `scale` by `scale` pixels, rounded; sides are multiples of it.

    >>> shrink(np.array([[[1], [2]], [[3], [4]]], np.uint8), 2)
    array([[[2]]], dtype=uint8)
    """
    height, width, channels = picture.shape
    squares = picture.reshape(height // scale, scale, width // scale, scale, channels)
    means: np.ndarray = np.rint(squares.mean((1, 3), dtype=np.float32))
    return means.astype(picture.dtype)
