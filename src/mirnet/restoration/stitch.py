"""Run a function over a picture tile by tile, and blend the results, a band of rows at a time.

Rows go in and come out in order, so memory holds one row of tiles however tall the picture is.
Beyond its edge the picture is continued by reflection. Tiles overlap; each fades in and out over
the overlap with weights that sum to one everywhere.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mirnet.restoration import tiles
from mirnet.shapes import Image

ReadRows = Callable[[int], Image]
"""The next so many rows of the picture, h w c."""

RunTile = Callable[[Image], Image]
"""A tile in, one of the same height and width out."""

Apply = Callable[[RunTile, Iterable[Image]], Iterator[Image]]
"""`map`, or that of `lanes.Lanes`, which runs several tiles at a time."""

StageTimer = Callable[[str], AbstractContextManager[None]]
"""Entered for each stage of the work, by its name; stages may be nested."""

FAINT = 1e-6
"""The weight of what counts nothing. Not zero, which times infinity would be NaN."""


@dataclass(frozen=True)
class Layout:
    """How a picture of `height` by `width` is cut."""

    height: int
    width: int
    tile: int
    overlap: int
    border: int
    """Pixels of reflection around the picture, so that its edge is seen with surroundings."""
    multiple: int
    """Sizes and places of tiles are multiples of this."""
    whole: bool = False
    """Whether tiles have all of `tile` where the picture is as large, and share more instead."""

    @property
    def canvas(self) -> tuple[int, int]:
        """Height and width with the border, rounded up to what the network takes."""
        return (
            tiles.round_up(self.height + 2 * self.border, self.multiple),
            tiles.round_up(self.width + 2 * self.border, self.multiple),
        )

    @property
    def tile_size(self) -> tuple[int, int]:
        """Height and width of every tile, at most `tile`: hardly larger than it takes."""
        height, width = self.canvas
        most = min(height, self.tile), min(width, self.tile)
        if self.whole:
            return most
        smallest = (
            tiles.fit(height, self.tile, self.overlap, self.multiple),
            tiles.fit(width, self.tile, self.overlap, self.multiple),
        )
        return tiles.off_pages(smallest, most, self.multiple)

    @property
    def tops(self) -> list[int]:
        """First canvas row of each row of tiles."""
        return tiles.starts(self.canvas[0], self.tile_size[0], self.overlap, self.multiple)

    @property
    def lefts(self) -> list[int]:
        """First canvas column of each column of tiles."""
        return tiles.starts(self.canvas[1], self.tile_size[1], self.overlap, self.multiple)

    @property
    def count(self) -> int:
        """Tiles in all."""
        return len(self.tops) * len(self.lefts)


def bands(
    read: ReadRows,
    layout: Layout,
    run: RunTile,
    *,
    apply: Apply = map,
    stage: StageTimer = lambda name: nullcontext(),
) -> Iterator[Image]:
    """The picture after `run`, as bands of rows from top to bottom.

    Args:
        read: gives the next rows; called for every row once, in order.
        layout: how to cut.
        run: takes and returns tiles of `layout.tile_size`.
        apply: runs it on all tiles, and gives the results in their order.
        stage: entered as `inference` while a result is waited for, as `tiling` while tiles are cut:
            tiles that run side by side in other threads are waited for in this one.
    """
    tall, wide = layout.tile_size
    tops, lefts = layout.tops, layout.lefts
    row_weights = feather(tops, tall, layout.canvas[0], layout.overlap)
    strip = _Strip(read, layout)
    strips = (strip.at(top) for top in tops)
    cut = (rows[:, left : left + wide] for rows in strips for left in lefts)
    results = _on(stage, "inference", apply(run, _on(stage, "tiling", cut)))
    unfinished: Image | None = None  # blended rows that the next row of tiles adds to
    for top, weights, following in zip(
        tops, row_weights, [*tops[1:], layout.canvas[0]], strict=True
    ):
        blended = _row_of_tiles(results, layout) * weights[:, None, None]
        if unfinished is not None:
            blended[: len(unfinished)] += unfinished
        finished = following - top
        unfinished = blended[finished:]
        first = max(layout.border - top, 0)
        last = min(finished, layout.border + layout.height - top)
        if last > first:
            yield blended[first:last, layout.border : layout.border + layout.width]


def _on(stage: StageTimer, name: str, images: Iterable[Image]) -> Iterator[Image]:
    """The same, while getting the next one is this stage."""
    iterator = iter(images)
    while True:
        with stage(name):
            image = next(iterator, None)
        if image is None:
            return
        yield image


def feather(
    starts: list[int], side: int, length: int, overlap: int
) -> list[npt.NDArray[np.float32]]:
    """The weight of each pixel of each tile along one axis; they sum to one at every place.

    Across the overlap a tile's weight rises linearly, except at the ends of the axis. The outer
    quarter counts nothing: the tile knows too little of what surrounds it there.
    """
    rise = np.ones(side)
    if overlap:
        position = np.arange(side) + 0.5
        rise = np.clip((position - overlap / 4) / (overlap / 2), FAINT, 1)
    windows = []
    for start in starts:
        window = np.ones(side)
        if start > 0:
            window = np.minimum(window, rise)
        if start + side < length:
            window = np.minimum(window, rise[::-1])
        windows.append(window)
    total = np.zeros(length)
    for start, window in zip(starts, windows, strict=True):
        total[start : start + side] += window
    return [
        (window / total[start : start + side]).astype(np.float32)
        for start, window in zip(starts, windows, strict=True)
    ]


def _row_of_tiles(results: Iterator[Image], layout: Layout) -> Image:
    """The next tiles, side by side, blended across."""
    _, wide = layout.tile_size
    lefts, width = layout.lefts, layout.canvas[1]
    weights = feather(lefts, wide, width, layout.overlap)
    blended: Image | None = None
    for left, weight in zip(lefts, weights, strict=True):
        result = next(results)
        if blended is None:
            blended = np.zeros((len(result), width, result.shape[2]), np.float32)
        blended[:, left : left + wide] += result * weight[:, None]
    assert blended is not None  # there is one tile at least
    return blended


class _Strip:
    """A window of canvas rows that moves down over the picture."""

    def __init__(self, read: ReadRows, layout: Layout) -> None:
        self._read = read
        self._layout = layout
        self._rows: Image | None = None
        self._first = 0  # the picture's row that `_rows` begins with

    def at(self, top: int) -> Image:
        """The canvas rows from `top` on, as many as a tile is tall, with their reflections."""
        layout = self._layout
        first = max(top - layout.border, 0)
        last = min(top - layout.border + layout.tile_size[0], layout.height)
        self._rows = rows = self._slide(first, last)
        above = max(layout.border - top, 0)
        below = layout.tile_size[0] - above - len(rows)
        right = layout.canvas[1] - layout.width - layout.border
        return np.pad(rows, ((above, below), (layout.border, right), (0, 0)), mode="reflect")

    def _slide(self, first: int, last: int) -> Image:
        if self._rows is None:
            return self._read(last)
        kept = self._rows[first - self._first :]
        missing = last - first - len(kept)
        self._first = first
        return np.concatenate([kept, self._read(missing)]) if missing else kept
