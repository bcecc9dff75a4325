"""Pairs as picture files, decoded again for every patch.

No preparation is needed, but decoding takes time: `packed` stores the same pairs without it. Alpha
channels are dropped.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirnet.errors import DataError
from mirnet.pairs import pairs
from mirnet.pairs.pairs import Pair, Patch, Truth, Whole, WholeTruth
from mirnet.pictures import codec
from mirnet.pictures.codec import Source

SAMPLE = 100
"""Number of pairs whose headers `check` reads."""


@dataclass(frozen=True)
class Header:
    """Header data of a pair."""

    height: int
    width: int
    noisy: str
    """The noisy picture's dtype, uint8 or uint16."""
    clean: str

    @property
    def bytes(self) -> int:
        """Decoded bytes of both halves."""
        depths = np.dtype(self.noisy).itemsize + np.dtype(self.clean).itemsize
        return self.height * self.width * 3 * depths


class PairFolder:
    """Pairs of a folder in one of the `pairs.LAYOUTS`; see `pairs.Pairs`.

    Holds file names, no open files.

    Args:
        folder: folder with the two halves as subfolders.
        scale: ratio of the clean half's height and width to the noisy one's. Rows and columns that
            the noisy half has no pixel for are left out.

    Raises:
        DataError: if the pictures do not pair up, see `pairs.find`.
    """

    def __init__(self, folder: Path, *, scale: int = 1) -> None:
        self.folder = folder
        self.scale = scale
        found = pairs.find(folder, codec.SUFFIXES)
        self._halves = found[0].noisy.parent, found[0].clean.parent
        # sending paths of a hundred thousand pairs to another process would take seconds
        self._files = [(pair.noisy.name, pair.clean.name) for pair in found]

    def __len__(self) -> int:
        return len(self._files)

    def name(self, index: int) -> str:
        return Path(self._files[index][0]).stem

    def files(self, index: int) -> Pair:
        """The two files of a scene."""
        noisy, clean = (
            half / name for half, name in zip(self._halves, self._files[index], strict=True)
        )
        return Pair(noisy, clean)

    def header(self, index: int) -> Header:
        """The properties of a pair that are known without decoding it.

        Raises:
            DataError: if the pair is none that can be learnt from.
            ImageError: if a file cannot be read.
        """
        noisy, clean = self._open(index)
        return Header(noisy.height, noisy.width, noisy.dtype.name, clean.dtype.name)

    def crop(self, index: int, side: int, place: tuple[float, float]) -> tuple[Patch, Truth]:
        noisy, clean = self._open(index)
        size = noisy.height, noisy.width
        window = pairs.window(noisy.name, size, side, place)
        larger = (slice(self.scale * each.start, self.scale * each.stop) for each in window)
        return _cut(noisy, *window), _cut(clean, *larger)

    def whole(self, index: int) -> tuple[Whole, WholeTruth]:
        noisy, clean = self._open(index)
        height, width = self.scale * noisy.height, self.scale * noisy.width
        truth = codec.whole(clean)
        if truth.shape[:2] != (height, width):
            truth = truth[:height, :width].copy()
        return codec.whole(noisy), truth

    def check(self, side: int) -> None:
        """Read the headers of the first hundred pairs.

        Raises:
            DataError: if halves differ in size, a picture is no RGB of 8 or 16 bits, or smaller
                than `side`.
            ImageError: if a file cannot be read.
        """
        for index in range(min(len(self), SAMPLE)):
            header = self.header(index)
            pairs.fit(str(self.files(index).noisy), (header.height, header.width), side)

    def _open(self, index: int) -> tuple[Source, Source]:
        pair = self.files(index)
        noisy, clean = codec.open(pair.noisy), codec.open(pair.clean)
        for half in (noisy, clean):
            if half.channels != 3 or half.dtype.kind != "u":
                kind = "grey" if half.channels == 1 else "RGB"
                raise DataError(
                    f"{half.name}: pairs are RGB of 8 or 16 bits, this is {half.dtype}, {kind}"
                )
        if (noisy.height, noisy.width) != (clean.height // self.scale, clean.width // self.scale):
            if self.scale > 1:
                raise DataError(
                    f"{pair.clean} is not {self.scale} times as large as {pair.noisy}: "
                    f"{clean.height}x{clean.width} and {noisy.height}x{noisy.width}"
                )
            raise DataError(
                f"{pair.noisy} and {pair.clean} differ in size: "
                f"{noisy.height}x{noisy.width} and {clean.height}x{clean.width}"
            )
        return noisy, clean


def _cut(source: Source, rows: slice, columns: slice) -> Patch:
    # the decoder skips the rows above, and never decodes those below
    return source.rows(rows.start, rows.stop - rows.start)[:, columns].copy()
