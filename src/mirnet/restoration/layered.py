"""What a network removes from a picture, tile by tile, in any order.

A picture whose strength is chosen afterwards needs what was removed, not the result; and the part
that somebody looks at should come first. Every pixel is blended from the same tiles in the same
order whenever it is asked for, so a part is equal to the last bit to the same part of the whole.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from mirnet.pictures import pixels
from mirnet.pictures.source import Source
from mirnet.restoration import stitch, strength
from mirnet.restoration.restored import BORDER, Progress, Restored, Settings, Tally
from mirnet.restoration.stitch import Layout
from mirnet.restoration.strength import Margins, Parts
from mirnet.shapes import Image, Pixels

KEPT = 128 << 20
"""Bytes of tiles kept for the pass over the whole picture, beside its own rows of tiles."""

Part = UInt8[np.ndarray, "_ _ _"] | UInt16[np.ndarray, "_ _ _"] | Float32[np.ndarray, "_ _ _"]
"""A picture or a part of one, h w c."""

Place = tuple[int, int]
"""First row and column of a tile on the canvas; see `Layout`."""


@dataclass(frozen=True)
class Area:
    """A part of a picture, in its pixels."""

    top: int
    left: int
    height: int
    width: int

    def within(self, height: int, width: int, *, margin: int = 0) -> "Area":
        """The part of it, and of `margin` pixels around it, that lies in a picture of this size.

        >>> Area(-5, 10, 20, 20).within(12, 40), Area(4, 4, 2, 2).within(50, 50, margin=3)
        (Area(top=0, left=10, height=12, width=20), Area(top=1, left=1, height=8, width=8))
        """
        top, left = (max(0, start - margin) for start in (self.top, self.left))
        bottom = min(height, self.top + self.height + margin)
        right = min(width, self.left + self.width + margin)
        return Area(top, left, max(0, bottom - top), max(0, right - left))


class Layered:
    """A picture in memory, or mapped into it, and what the network removes from it.

    Args:
        picture: h w c, uint8, uint16 or float32, with 1 or 3 channels. Must not change.
        settings: how it is restored, such as a `Restorer`. The strength is ignored.
        progress: called after each tile of the picture, the first time that it is restored.
    """

    def __init__(
        self, picture: Pixels, settings: Settings, *, progress: Progress | None = None
    ) -> None:
        height, width, _ = picture.shape
        self._picture, self._settings, self._progress = picture, settings, progress
        self._restored = Restored(Source.of(picture), settings)
        self.layout = Layout(
            height,
            width,
            settings.tile,
            settings.overlap,
            BORDER,
            multiple=settings.facts.multiple,
            whole=bool(settings.facts.size),
        )
        """How the picture is cut into tiles."""
        self.tally = Tally()
        """What happened to the tiles so far, each counted once."""
        self._counted: set[Place] = set()
        self._kept: dict[Place, Image] = {}
        self._owner = self
        self._lock = threading.Lock()
        layout = self.layout
        (tall, wide), (canvas_height, canvas_width) = layout.tile_size, layout.canvas
        self._row_weights = stitch.feather(layout.tops, tall, canvas_height, layout.overlap)
        self._column_weights = stitch.feather(layout.lefts, wide, canvas_width, layout.overlap)

    def removed(self, area: Area) -> Image:
        """What is removed from a part of the picture, h w 3. Its tiles are kept for `bands`.

        Raises:
            InferenceError: if the runtime fails.
        """
        removed = self._blend(area)
        owner = self._owner
        with owner._lock:  # the oldest go first: if they are needed again, that costs time only
            while owner._kept and sum(tile.nbytes for tile in owner._kept.values()) > KEPT:
                del owner._kept[next(iter(owner._kept))]
        return removed

    def share(self, whole: "Layered") -> None:
        """Take tiles from a pass over the whole of the same picture, and hand it those made here.

        Args:
            whole: a pass with the same settings, which may be under way in another thread.
        """
        self._owner = whole

    def bands(self) -> Iterator[tuple[int, Image]]:
        """What is removed from the whole picture, in bands of rows, each with its first row.

        Raises:
            InferenceError: if the runtime fails.
        """
        layout = self.layout
        tops = layout.tops
        for top, following in zip(tops, [*tops[1:], layout.canvas[0]], strict=True):
            first = max(top - BORDER, 0)
            last = min(following - BORDER, layout.height)
            if last > first:
                yield first, self._blend(Area(first, 0, last - first, layout.width))
            with self._lock:
                done = [
                    place for place in self._kept if place[0] + layout.tile_size[0] <= following
                ]
                for place in done:
                    del self._kept[place]

    def _blend(self, area: Area) -> Image:
        """The weighted sum of all tiles that reach into the area, always in the same order."""
        layout = self.layout
        tall, wide = layout.tile_size
        first, left = area.top + BORDER, area.left + BORDER  # on the canvas
        last, right = first + area.height, left + area.width
        columns = [
            (start, weights)
            for start, weights in zip(layout.lefts, self._column_weights, strict=True)
            if start < right and start + wide > left
        ]
        blended = np.zeros((area.height, area.width, 3), np.float32)
        for top, row_weights in zip(layout.tops, self._row_weights, strict=True):
            above, below = max(first, top), min(last, top + tall)
            if above >= below:
                continue
            removed = self._tiles(top, [start for start, _ in columns])
            row = np.zeros((below - above, area.width, 3), np.float32)
            for (start, weights), tile in zip(columns, removed, strict=True):
                begin, end = max(left, start), min(right, start + wide)
                part = tile[above - top : below - top, begin - start : end - start]
                row[:, begin - left : end - left] += (
                    part * weights[begin - start : end - start, None]
                )
            row *= row_weights[above - top : below - top, None, None]
            blended[above - first : below - first] += row
        return blended

    def _tiles(self, top: int, lefts: list[int]) -> list[Image]:
        """What is removed from some tiles of one row of them: those kept, and the others anew."""
        owner = self._owner
        with owner._lock:
            found = {left: owner._kept[top, left] for left in lefts if (top, left) in owner._kept}
        missing = [left for left in lefts if left not in found]
        if missing:
            rows, wide = self._rows(top), self.layout.tile_size[1]
            cut = (rows[:, left : left + wide] for left in missing)
            results = self._settings.apply(self._run, cut)
            for left, removed in zip(missing, results, strict=True):
                found[left] = removed
                owner._keep((top, left), removed)
        return [found[left] for left in lefts]

    def _run(self, tile: Image) -> Image:
        removed = self._restored.removed(tile)
        return np.full_like(tile, np.nan) if removed is None else removed

    def _keep(self, place: Place, removed: Image) -> None:
        """Keep a tile, and count it the first time."""
        is_left_alone = bool(np.isnan(removed[0, 0, 0]))
        if is_left_alone:
            removed[...] = 0
        with self._lock:
            self._kept[place] = removed
            is_new = place not in self._counted
            if is_new:
                self._counted.add(place)
                self.tally.add(Tally(1, int(is_left_alone)))
        if is_new and self._progress:
            self._progress(self.layout.height * self.layout.width / self.layout.count)

    def _rows(self, top: int) -> Image:
        """The rows of the canvas that a row of tiles covers, with their reflections."""
        layout = self.layout
        tall, _ = layout.tile_size
        first = max(top - BORDER, 0)
        rows = self._picture[first : min(top - BORDER + tall, layout.height)]
        image = pixels.to_rgb(pixels.to_float(np.asarray(rows)))
        above = max(BORDER - top, 0)
        below = tall - above - len(image)
        right = layout.canvas[1] - layout.width - BORDER
        return np.pad(image, ((above, below), (BORDER, right), (0, 0)), mode="reflect")


def parts(original: Part, removed: np.ndarray, area: Area) -> Parts:
    """A part of a picture, split so that its strength can be chosen again and again.

    Args:
        original: the whole picture, h w c, in memory or mapped.
        removed: what was removed from all of it, h w 3 of any float.
        area: the part, within the picture.
    """
    height, width, _ = original.shape
    around = area.within(height, width, margin=strength.REACH)
    above, left = area.top - around.top, area.left - around.left
    margins = Margins(
        above, around.height - area.height - above, left, around.width - area.width - left
    )
    return strength.split(strength.layers(*_read(original, removed, around)), margins)


def render(original: Part, removed: np.ndarray, amount: float, area: Area | None = None) -> Part:
    """A part of a picture at a strength, as `mirnet.restore` gives it: the original's dtype.

    Args:
        original: the whole picture, h w c, in memory or mapped.
        removed: what was removed from all of it, h w 3 of any float.
        amount: strength, from 0 to 1.
        area: the part; None for all of it.
    """
    height, width, channels = original.shape
    area = (area or Area(0, 0, height, width)).within(height, width)
    if amount == 0:
        return np.array(_cut(original, area))
    if amount == 1:
        before, taken = _read(original, removed, area)
        image = before - taken
    else:
        image = parts(original, removed, area).blend(amount)
    return pixels.from_float(pixels.to_channels(image, channels), original.dtype)


def _read(original: Part, removed: np.ndarray, area: Area) -> tuple[Part, Part]:
    """Both as float32, h w 3."""
    before = pixels.to_rgb(pixels.to_float(np.asarray(_cut(original, area))))
    return before, _cut(removed, area).astype(np.float32)


def _cut(picture: np.ndarray, area: Area) -> np.ndarray:
    return picture[area.top : area.top + area.height, area.left : area.left + area.width]
