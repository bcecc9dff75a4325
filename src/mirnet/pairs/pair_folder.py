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
from mirnet.shapes import LargerPixels, Pixels

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
    views: int = 1
    """Number of noisy pictures."""

    @property
    def bytes(self) -> int:
        """Decoded bytes of both halves."""
        depths = self.views * np.dtype(self.noisy).itemsize + np.dtype(self.clean).itemsize
        return self.height * self.width * 3 * depths


class PairFolder:
    """Pairs of a folder in one of the layouts of `pairs.find`; see `pairs.Pairs`.

    Holds file names, no open files.

    Args:
        folder: folder with the two halves as subfolders.
        scale: ratio of the clean half's height and width to the noisy one's. Rows and columns that
            the noisy half has no pixel for are left out.

    Raises:
        DataError: if the pictures do not pair up, see `pairs.find`, or pairs of two views are
            opened for enlarging.
    """

    def __init__(self, folder: Path, *, scale: int = 1) -> None:
        self.folder = folder
        self.scale = scale
        found = pairs.find(folder, codec.SUFFIXES)
        self._views = len(found[0].inputs)
        if scale > 1 and self._views > 1:
            raise DataError(f"{folder} holds two views of each picture: no pairs for enlarging")
        self._folders = [path.parent for path in (*found[0].inputs, found[0].clean)]
        # sending paths of a hundred thousand pairs to another process would take seconds
        self._files = [tuple(path.name for path in (*pair.inputs, pair.clean)) for pair in found]

    def __len__(self) -> int:
        return len(self._files)

    @property
    def views(self) -> int:
        return self._views

    def name(self, index: int) -> str:
        pair = self.files(index)
        stem = pair.noisy.stem
        name = stem.removesuffix("_L")
        return name if pair.right and pair.right.stem == f"{name}_R" else stem

    def files(self, index: int) -> Pair:
        """The files of a scene."""
        noisy, *right, clean = (
            folder / name for folder, name in zip(self._folders, self._files[index], strict=True)
        )
        return Pair(noisy, clean, *right)

    def header(self, index: int) -> Header:
        """The properties of a pair that are known without decoding it.

        Raises:
            DataError: if the pair is none that can be learnt from.
            ImageError: if a file cannot be read.
        """
        inputs, clean = self._open(index)
        noisy = inputs[0]
        return Header(noisy.height, noisy.width, noisy.dtype.name, clean.dtype.name, len(inputs))

    def crop(self, index: int, side: int, place: tuple[float, float]) -> tuple[Patch, Truth]:
        inputs, clean = self._open(index)
        size = inputs[0].height, inputs[0].width
        window = pairs.window(inputs[0].name, size, side, place)
        larger = (slice(self.scale * each.start, self.scale * each.stop) for each in window)
        return _stacked([_cut(each, *window) for each in inputs]), _cut(clean, *larger)

    def whole(self, index: int) -> tuple[Whole, WholeTruth]:
        inputs, clean = self._open(index)
        height, width = self.scale * inputs[0].height, self.scale * inputs[0].width
        truth = codec.whole(clean)
        if truth.shape[:2] != (height, width):
            truth = truth[:height, :width].copy()
        return _stacked([codec.whole(each) for each in inputs]), truth

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

    def _open(self, index: int) -> tuple[list[Source], Source]:
        """The noisy picture, or both views, and the clean one."""
        pair = self.files(index)
        inputs, clean = [codec.open(path) for path in pair.inputs], codec.open(pair.clean)
        for half in (*inputs, clean):
            if half.channels != 3 or half.dtype.kind != "u":
                kind = "grey" if half.channels == 1 else "RGB"
                raise DataError(
                    f"{half.name}: pairs are RGB of 8 or 16 bits, this is {half.dtype}, {kind}"
                )
        small = clean.height // self.scale, clean.width // self.scale
        for path, noisy in zip(pair.inputs, inputs, strict=True):
            if (noisy.height, noisy.width) == small:
                continue
            if self.scale > 1:
                raise DataError(
                    f"{pair.clean} is not {self.scale} times as large as {path}: "
                    f"{clean.height}x{clean.width} and {noisy.height}x{noisy.width}"
                )
            raise DataError(
                f"{path} and {pair.clean} differ in size: "
                f"{noisy.height}x{noisy.width} and {clean.height}x{clean.width}"
            )
        if inputs[0].dtype != inputs[-1].dtype:
            raise DataError(
                f"{pair.noisy} and {pair.right} differ in depth: {inputs[0].dtype} and "
                f"{inputs[-1].dtype}"
            )
        return inputs, clean


def _stacked(views: list[Pixels]) -> LargerPixels:
    """Views one above the other, h w 3 times their number; a single one as it is."""
    return np.concatenate(views, axis=2) if len(views) > 1 else views[0]


def _cut(source: Source, rows: slice, columns: slice) -> Patch:
    # the decoder skips the rows above, and never decodes those below
    return source.rows(rows.start, rows.stop - rows.start)[:, columns].copy()
