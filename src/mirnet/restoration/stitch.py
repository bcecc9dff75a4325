"""Run a function over a picture tile by tile, and blend the results, one band of rows at a time.

Rows go in and come out in order, so memory holds one row of tiles however tall the picture is.
Reflection continues the picture beyond its edges. Tiles overlap; each fades in and out over the
overlap with weights that sum to one everywhere.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mirnet.restoration import tiles
from mirnet.shapes import Image

ReadRows = Callable[[int], Image]
"""Reads the given number of rows of the picture, h w c."""

RunTile = Callable[[Image], Image]
"""Takes a tile and returns one of the same height and width, or `Layout.scale` times as large."""

Apply = Callable[[RunTile, Iterable[Image]], Iterator[Image]]
"""`map`, or the one of `lanes.Lanes`, which runs several tiles at a time."""

Finish = Callable[[Image, int, int], Image]
"""Takes a tile's result, and the tile's first row and column on the canvas; called in order."""

StageTimer = Callable[[str], AbstractContextManager[None]]
"""Entered for each stage of the work, with the stage's name; stages may be nested."""


def untimed(stage: str) -> AbstractContextManager[None]:
    """The `StageTimer` that does nothing."""
    return nullcontext()


FAINT = 1e-6
"""Weight of pixels that should not count. Not zero, because zero times infinity would be NaN."""


@dataclass(frozen=True)
class Layout:
    """How a picture of `height` by `width` is cut into tiles."""

    height: int
    width: int
    tile: int
    overlap: int
    border: int
    """Pixels of reflection around the picture, which give its edge a surrounding."""
    multiple: int
    """Sizes and positions of tiles are multiples of this."""
    whole: bool = False
    """Whether tiles keep the full size `tile` if the picture is large enough, and overlap more."""
    scale: int = 1
    """Ratio of a result's height and width to its tile's. All other numbers are of the input."""

    @property
    def canvas(self) -> tuple[int, int]:
        """Height and width with the border, rounded up to multiples."""
        return (
            tiles.round_up(self.height + 2 * self.border, self.multiple),
            tiles.round_up(self.width + 2 * self.border, self.multiple),
        )

    @property
    def tile_size(self) -> tuple[int, int]:
        """Height and width of every tile: at most `tile`, and little more than needed."""
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
        """Total number of tiles."""
        return len(self.tops) * len(self.lefts)


def bands(
    read: ReadRows,
    layout: Layout,
    run: RunTile,
    *,
    apply: Apply = map,
    finish: Finish | None = None,
    stage: StageTimer = untimed,
) -> Iterator[Image]:
    """The picture after `run`, as bands of rows from top to bottom, `layout.scale` times as large.

    Args:
        read: returns the next rows; called once for every row, in order.
        layout: how the picture is cut.
        run: takes tiles of `layout.tile_size`, and returns them `layout.scale` times as large.
        apply: applies `run` to all tiles, and returns the results in order.
        finish: changes each result, knowing where it belongs; it may have other channels.
        stage: entered as `inference` while a result is awaited, as `tiling` while tiles are cut:
            this thread waits for tiles that other threads run in parallel.
    """
    tall, wide = layout.tile_size
    tops, lefts = layout.tops, layout.lefts
    scale = layout.scale
    row_weights = scaled_feather(tops, tall, layout.canvas[0], layout)
    strip = _Strip(read, layout)
    strips = (strip.at(top) for top in tops)
    cut = (rows[:, left : left + wide] for rows in strips for left in lefts)
    results = _on(stage, "inference", apply(run, _on(stage, "tiling", cut)))
    if finish:
        places = ((top, left) for top in tops for left in lefts)
        results = (finish(result, *place) for result, place in zip(results, places, strict=True))
    unfinished: Image | None = None  # blended rows that the next row of tiles adds to
    for top, weights, following in zip(
        tops, row_weights, [*tops[1:], layout.canvas[0]], strict=True
    ):
        blended = _row_of_tiles(results, layout)
        blended *= weights[:, None, None]
        if unfinished is not None:
            blended[: len(unfinished)] += unfinished
        finished = following - top
        unfinished = blended[finished * scale :].copy()  # so that the rest is freed
        first = max(layout.border - top, 0)
        last = min(finished, layout.border + layout.height - top)
        left, right = layout.border * scale, (layout.border + layout.width) * scale
        band = blended[first * scale : max(first, last) * scale, left:right]
        del blended  # or it would stay while the next row of tiles is made
        if len(band):
            yield band
        del band


def scaled_feather(
    starts: list[int], side: int, length: int, layout: Layout
) -> list[npt.NDArray[np.float32]]:
    """`feather` for the results, which are `layout.scale` times as long."""
    scale = layout.scale
    places = [start * scale for start in starts]
    return feather(places, side * scale, length * scale, layout.overlap * scale)


def _on(stage: StageTimer, name: str, images: Iterable[Image]) -> Iterator[Image]:
    """Yield the same images; fetching each of them is timed as this stage."""
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
    """The weight of each pixel of each tile along one axis; they sum to one at every position.

    Across the overlap a tile's weight rises linearly, except at the ends of the axis. The outer
    quarter of the overlap has no weight: there the tile knows too little of its surroundings.
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
    """The next row of tiles, blended horizontally."""
    _, wide = layout.tile_size
    lefts, width, scale = layout.lefts, layout.canvas[1], layout.scale
    weights = scaled_feather(lefts, wide, width, layout)
    blended: Image | None = None
    for left, weight in zip(lefts, weights, strict=True):
        result = next(results)
        if blended is None:
            blended = np.zeros((len(result), width * scale, result.shape[2]), np.float32)
        blended[:, left * scale : (left + wide) * scale] += result * weight[:, None]
    assert blended is not None  # there is at least one tile
    return blended


class _Strip:
    """A window of canvas rows that moves down the picture."""

    def __init__(self, read: ReadRows, layout: Layout) -> None:
        self._read = read
        self._layout = layout
        self._rows: Image | None = None
        self._first = 0  # the picture row at which `_rows` begins

    def at(self, top: int) -> Image:
        """The canvas rows from `top` on, one tile high, with their reflections."""
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
