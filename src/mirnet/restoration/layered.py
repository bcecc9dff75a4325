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

from mirnet.errors import ShapeError
from mirnet.pictures import pixels
from mirnet.pictures.source import Source
from mirnet.restoration import stitch, strength
from mirnet.restoration.light import Light, Shrinking
from mirnet.restoration.restored import BORDER, Progress, Restored, Settings, Tally
from mirnet.restoration.stitch import Layout
from mirnet.restoration.strength import Ends, Margins, Parts
from mirnet.shapes import Image, Larger, Pixels

KEPT = 128 << 20
"""Bytes of tiles kept for the pass over the whole picture, beside its own rows of tiles."""

ROWS = 256
"""Rows of the picture taken at a time where all of them are looked at."""

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

    def enlarged(self, scale: int) -> "Area":
        """The same part of the picture enlarged.

        >>> Area(1, 2, 3, 4).enlarged(2)
        Area(top=2, left=4, height=6, width=8)
        """
        return Area(self.top * scale, self.left * scale, self.height * scale, self.width * scale)


class Layered:
    """A picture in memory, or mapped into it, and what the network removes from it.

    Args:
        picture: h w c, uint8, uint16 or float32, with 1 or 3 channels. Must not change.
        settings: how it is restored, such as a `Restorer`. The strength is ignored.
        shown: the picture as a filter enlarges it, if the network enlarges: what is removed is
            removed from that, and every part is counted in its pixels. Must not change.
        progress: called after each tile of the picture, the first time that it is restored.

    Raises:
        ShapeError: if `shown` has not the size of the result.
    """

    def __init__(
        self,
        picture: Pixels,
        settings: Settings,
        *,
        shown: Part | None = None,
        progress: Progress | None = None,
    ) -> None:
        height, width, _ = picture.shape
        scale = settings.facts.scale
        size = (picture if shown is None else shown).shape[:2]
        if size != (height * scale, width * scale):
            raise ShapeError(f"{width}x{height} becomes {scale} times as large, not {size}")
        self._picture, self._settings, self._progress = picture, settings, progress
        self._shown = shown
        self._restored = Restored(Source.of(picture), settings)
        self.layout = Layout(
            height,
            width,
            settings.tile,
            settings.overlap,
            BORDER,
            multiple=settings.facts.multiple,
            whole=bool(settings.facts.size),
            scale=scale,
        )
        """How the picture is cut into tiles."""
        self.tally = Tally()
        """What happened to the tiles so far, each counted once."""
        self._counted: set[Place] = set()
        self._kept: dict[Place, Image] = {}
        self._light: Light | None = None
        self._is_judged = not settings.facts.judges_light or self.layout.count == 1
        """Whether the light of the whole is known, or need not be."""
        self._owner = self
        self._lock, self._judging = threading.Lock(), threading.Lock()
        layout = self.layout
        (tall, wide), (canvas_height, canvas_width) = layout.tile_size, layout.canvas
        self._row_weights = stitch.scaled_feather(layout.tops, tall, canvas_height, layout)
        self._column_weights = stitch.scaled_feather(layout.lefts, wide, canvas_width, layout)

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
                area = Area(first, 0, last - first, layout.width).enlarged(layout.scale)
                yield area.top, self._blend(area)
            with self._lock:
                done = [
                    place for place in self._kept if place[0] + layout.tile_size[0] <= following
                ]
                for place in done:
                    del self._kept[place]

    def _blend(self, area: Area) -> Image:
        """The weighted sum of all tiles that reach into the area, always in the same order."""
        layout, scale = self.layout, self.layout.scale
        tall, wide = (side * scale for side in layout.tile_size)
        border = BORDER * scale
        first, left = area.top + border, area.left + border  # on the enlarged canvas
        last, right = first + area.height, left + area.width
        columns = [
            (start, weights)
            for start, weights in zip(layout.lefts, self._column_weights, strict=True)
            if start * scale < right and start * scale + wide > left
        ]
        blended = np.zeros((area.height, area.width, 3), np.float32)
        for top, row_weights in zip(layout.tops, self._row_weights, strict=True):
            begins = top * scale
            above, below = max(first, begins), min(last, begins + tall)
            if above >= below:
                continue
            removed = self._tiles(top, [start for start, _ in columns])
            row = np.zeros((below - above, area.width, 3), np.float32)
            for (place, weights), tile in zip(columns, removed, strict=True):
                start = place * scale
                begin, end = max(left, start), min(right, start + wide)
                part = tile[above - begins : below - begins, begin - start : end - start]
                row[:, begin - left : end - left] += (
                    part * weights[begin - start : end - start, None]
                )
            row *= row_weights[above - begins : below - begins, None, None]
            blended[above - first : below - first] += row
        if self._shown is None:
            return blended
        removed_part: Image = _float(_cut(self._shown, area)) - blended
        return removed_part

    def _tiles(self, top: int, lefts: list[int]) -> list[Image]:
        """Some tiles of one row of them: those kept, and the others anew.

        A tile is what is removed; if the network enlarges, its result.
        """
        owner = self._owner
        with owner._lock:
            found = {left: owner._kept[top, left] for left in lefts if (top, left) in owner._kept}
        missing = [left for left in lefts if left not in found]
        if missing:
            light = self.light()
            rows, wide = self._rows(top), self.layout.tile_size[1]
            cut = (rows[:, left : left + wide] for left in missing)
            results = self._settings.apply(self._run, cut)
            for left, removed in zip(missing, results, strict=True):
                is_left_alone = bool(np.isnan(removed[0, 0, 0]))
                if is_left_alone:
                    removed[...] = 0
                found[left] = removed
                original = rows[:, left : left + wide]
                if light:
                    lit = light.onto(original - removed, top - BORDER, left - BORDER)
                    found[left] = original - lit
                if self._shown is not None:
                    found[left] = self._restored.as_original(original) - removed
                owner._keep((top, left), found[left], is_left_alone=is_left_alone)
        return [found[left] for left in lefts]

    def light(self) -> Light | None:
        """The light of the whole, if the model judges it; found once, by whoever needs it first.

        Raises:
            InferenceError: if the runtime fails.
        """
        if self._owner is not self:
            return self._owner.light()
        with self._judging:
            if not self._is_judged:
                self._light = self._restored.light(self._shrunk)
                self._is_judged = True
            return self._light

    def _shrunk(self, shrinking: Shrinking) -> Image:
        for top in range(0, self.layout.height, ROWS):
            shrinking.add(np.asarray(self._picture[top : top + ROWS]))
        return shrinking.image()

    def _run(self, tile: Image) -> Larger:
        removed = self._restored.removed(tile)
        if removed is not None:
            return removed
        height, width, _ = tile.shape
        scale = self.layout.scale
        return np.full((height * scale, width * scale, 3), np.nan, np.float32)

    def _keep(self, place: Place, tile: Image, *, is_left_alone: bool) -> None:
        """Keep a tile, and count it the first time."""
        with self._lock:
            self._kept[place] = tile
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
        image = _float(rows)
        above = max(BORDER - top, 0)
        below = tall - above - len(image)
        right = layout.canvas[1] - layout.width - BORDER
        return np.pad(image, ((above, below), (BORDER, right), (0, 0)), mode="reflect")


def parts(
    original: Part, removed: np.ndarray, area: Area, *, judges_light: bool = False
) -> Parts | Ends:
    """A part of a picture, split so that its strength can be chosen again and again.

    Args:
        original: the whole picture, h w c, in memory or mapped.
        removed: what was removed from all of it, h w 3 of any float.
        area: the part, within the picture.
        judges_light: whether the model does: its strengths are plain means.
    """
    if judges_light:
        before, taken = _read(original, removed, area)
        return Ends(before, before - taken)
    height, width, _ = original.shape
    around = area.within(height, width, margin=strength.REACH)
    above, left = area.top - around.top, area.left - around.left
    margins = Margins(
        above, around.height - area.height - above, left, around.width - area.width - left
    )
    return strength.split(strength.layers(*_read(original, removed, around)), margins)


def render(
    original: Part,
    removed: np.ndarray,
    amount: float,
    area: Area | None = None,
    *,
    judges_light: bool = False,
) -> Part:
    """A part of a picture at a strength, as `mirnet.restore` gives it: the original's dtype.

    Args:
        original: the whole picture, h w c, in memory or mapped.
        removed: what was removed from all of it, h w 3 of any float.
        amount: strength, from 0 to 1.
        area: the part; None for all of it.
        judges_light: as for `parts`.
    """
    height, width, channels = original.shape
    area = (area or Area(0, 0, height, width)).within(height, width)
    if amount == 0:
        return np.array(_cut(original, area))
    if amount == 1:
        before, taken = _read(original, removed, area)
        image = before - taken
    else:
        image = parts(original, removed, area, judges_light=judges_light).blend(amount)
    return pixels.from_float(pixels.to_channels(image, channels), original.dtype)


def _read(original: Part, removed: np.ndarray, area: Area) -> tuple[Part, Part]:
    """Both as float32, h w 3."""
    return _float(_cut(original, area)), _cut(removed, area).astype(np.float32)


def _float(part: Part) -> Image:
    """A part as the network takes it: float32, RGB."""
    image: Image = pixels.to_rgb(pixels.to_float(np.asarray(part)))
    return image


def _cut(picture: np.ndarray, area: Area) -> np.ndarray:
    return picture[area.top : area.top + area.height, area.left : area.left + area.width]
