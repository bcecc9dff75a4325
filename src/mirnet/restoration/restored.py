"""One picture passing through a network: the restored rows, and what happened to its tiles."""

import io
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from mirnet.errors import ImageError, InferenceError, OutOfMemoryError, TilingError
from mirnet.models.facts import Facts
from mirnet.pictures import codec, enlarging, pixels, symmetry
from mirnet.pictures.codec import Writable
from mirnet.pictures.metadata import Metadata
from mirnet.pictures.read_ahead import read_ahead
from mirnet.pictures.source import RowsOf, Source
from mirnet.restoration import stitch, strength, tiles
from mirnet.restoration.grain import Grain
from mirnet.restoration.light import Light, Shrinking
from mirnet.restoration.runtime import Runtime
from mirnet.restoration.stitch import Apply, Finish, Layout, StageTimer, untimed
from mirnet.shapes import Image, Larger, Pixels

log = logging.getLogger(__name__)

BORDER = 4
"""Pixels of reflection around the picture."""
SMALLEST_TILE = 64
"""Below this, smaller tiles no longer help when memory runs out."""
OVERFLOW = 4.0
"""No restored pixel is this far from 0..1 unless the arithmetic overflowed."""
ROWS = 188
"""Rows passed on at a time, at most."""

Progress = Callable[[float], None]
"""Called after each tile with the number of pixels completed since the last call."""


@dataclass
class Tally:
    """What happened to the tiles of one picture."""

    tiles: int = 0
    kept: int = 0
    """Tiles left unchanged, because the network's output was not a valid picture."""

    def add(self, other: "Tally") -> None:
        """Add the counts of another picture."""
        self.tiles += other.tiles
        self.kept += other.kept


def left_alone(kept: int, tiles: int, network: str = "the network") -> str:
    """The message about tiles that were left unchanged; see `Tally`."""
    return f"{kept} of {tiles} tiles were left as they were: {network} gave no usable result there"


@runtime_checkable
class Settings(Protocol):
    """How pictures are restored: the part of a `Restorer` that a `Restored` uses."""

    runtime: Runtime
    facts: Facts
    tile: int
    overlap: int
    strength: float
    self_ensemble: int
    whole: bool
    grain: Grain
    apply: Apply
    largest: int
    """Side of the largest tile that has fitted into memory so far."""

    @property
    def before(self) -> "Settings | None":
        """How the picture is restored before, by another model."""
        ...


class Restored:
    """The result for one picture: rows, which are computed as they are read.

    It has the picture's height and width, times the scale of models that enlarge. Where one model
    follows another, its rows are made of the other's as these are made, and nothing is rounded in
    between.

    Only one of `rows`, `array`, `image`, `write` and `tobytes` can be called, and only once.

    Args:
        source: the picture.
        settings: how it is restored.
        right: the right view of a dual-pixel sensor; the picture is then the left one.
        progress: called after each tile.
        stage: entered for each stage.

    Raises:
        ImageError: if the two views differ in size or kind.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        *,
        right: Source | None = None,
        progress: Progress | None = None,
        stage: StageTimer = untimed,
    ) -> None:
        self.source = source
        """The source picture."""
        self.tally = Tally()
        """What happened to the tiles so far, those of all models."""
        self._right = right
        if right and _kind(right) != _kind(source):
            raise ImageError(
                f"{source.name} and {right.name} are no views of one picture: {_told(source)} and "
                f"{_told(right)}"
            )
        self.notes = source.notes
        """What the user should know: changes made on reading and, once written, on writing."""
        self._settings = settings
        self._facts = settings.facts
        self._scale = settings.facts.scale
        scale, self._work = _scale_and_work(settings)
        self.scale = scale
        """Ratio of the result's height and width to the source's."""
        self._before: Restored | None = None
        self._input = source
        if settings.before:
            _, work = _scale_and_work(settings.before)
            advance = lambda count: self._advance(count * work)  # noqa: E731
            self._before = Restored(
                source, settings.before, right=right, progress=advance, stage=stage
            )
            self._input, self._right = self._before._as_input(), None
        self._largest = settings.largest  # shrinks when memory runs out, and never grows back
        self._progress = progress
        self._rows_read = 0
        self._share = 0.0  # pixels of the picture per tile
        self._stage = stage
        self._lock = threading.Lock()  # tiles may run in parallel
        if self._before:
            self.tally, self._lock = self._before.tally, self._before._lock

    def rows(self) -> Iterator[Pixels]:
        """The restored rows from top to bottom, in bands of any height, h w c, in its dtype.

        Raises:
            ImageError: if the source turns out to be damaged.
            InferenceError: if the runtime fails.
            TilingError: if the picture should run in one piece and is not of the only size that the
                model takes.
        """
        if self._settings.strength == 0 and not self._settings.grain.amount and not self._before:
            yield from self._as_they_are(self._input)
            return
        for part in self._images():
            with self._stage("post"):
                rows = pixels.from_float(part, self.source.dtype)
            yield rows
            del part, rows

    def array(self) -> Pixels:
        """The whole restored picture, h w c, in the source's dtype."""
        return np.concatenate(list(self.rows()))

    def image(self) -> Image:
        """The whole picture as float32 in 0..1, for metrics; that of a float source is not rounded.

        Clipped, since blending may exceed the range by a rounding error.
        """
        image: Image = np.clip(pixels.to_float(self.array()), 0, 1)
        return image

    def write(
        self,
        target: Path | str | Writable,
        *,
        format: str | None = None,
        quality: int | None = None,
    ) -> None:
        """Write the picture with all metadata and alpha of the source; see `codec.create`.

        Memory stays bounded however large the picture is. A file appears only once it is complete.

        Raises:
            ImageError: if the source is damaged, or the target cannot be written.
            InferenceError: if the runtime fails.
        """
        like = self.source
        if self.scale > 1:
            like = enlarging.enlarged(like, self.scale)
        with (
            self._stage("write"),
            codec.create(target, like, format=format, quality=quality) as file,
        ):
            for rows in self.rows():
                file.append(rows)
        self.notes = (*self.notes, *file.notes)

    def tobytes(self, format: str, *, quality: int | None = None) -> bytes:
        """The picture as an in-memory file of a format in `codec.NAMES`; see `write`."""
        target = io.BytesIO()
        self.write(target, format=format, quality=quality)
        return target.getvalue()

    def _images(self) -> Iterator[Image]:
        """`rows` as float32, not rounded."""
        settings = self._settings
        bands = self._bands() if settings.strength else self._unchanged()
        if settings.grain.amount:
            bands = settings.grain.add(bands)
        while True:
            with self._stage("tiling"):
                band = next(bands, None)
            if band is None:
                return
            # in portions, since bands of enlarged pictures are large
            for top in range(0, len(band), ROWS):
                yield pixels.to_channels(band[top : top + ROWS], self.source.channels)
            del band  # the next one is as large

    def _as_input(self) -> Source:
        """The result as the picture that another model is given."""
        height, width = (self.scale * side for side in (self.source.height, self.source.width))
        return Source(
            name=self.source.name,
            height=height,
            width=width,
            dtype=np.dtype(np.float32),
            channels=self.source.channels,
            metadata=Metadata({}, {}),
            rows=RowsOf(self._images()),
        )

    def _advance(self, count: float) -> None:
        """Tell that this many more of the pixels that the models are given are done."""
        if self._progress:
            self._progress(count / self._work)

    def _layout(self) -> Layout:
        """How the picture is cut."""
        source, settings, multiple = self._input, self._settings, self._facts.multiple
        height, width, size = source.height, source.width, self._facts.size
        if not settings.whole:
            tile, overlap = settings.tile, settings.overlap
            return Layout(
                *(height, width, tile, overlap, BORDER),
                multiple=multiple,
                whole=bool(size),
                scale=self._scale,
            )
        if size and size != (height, width):
            raise TilingError(
                f"this model takes {size[1]}x{size[0]} only, and {source.name} has "
                f"{width}x{height}: it does not run in one piece"
            )
        side = tiles.round_up(max(height, width), multiple)
        return Layout(
            height, width, side, overlap=0, border=0, multiple=multiple, scale=self._scale
        )

    def _bands(self) -> Iterator[Image]:
        """The restored picture at the strength wanted, h w 3."""
        source, settings = self._input, self._settings
        layout = self._layout()
        self._share = source.height * source.width / layout.count
        light = None
        if self._facts.judges_light and layout.count > 1:
            light = self.light(self._shrunk)
        finish: Finish | None = None
        if self._facts.judges_light and (light or settings.strength < 1):
            finish = partial(self._lit, light, layout.border)
        bands = stitch.bands(
            *(self._read, layout, self._restore),
            apply=settings.apply,
            finish=finish,
            stage=self._stage,
        )
        if settings.strength < 1 and not self._facts.judges_light:
            return strength.blend(bands, source.height * self._scale, settings.strength)
        return bands

    def light(self, shrunk: Callable[[Shrinking], Image]) -> Light | None:
        """Let the network judge a copy of the whole that is as small as one tile.

        None if the network's result for the copy is no picture.

        Args:
            shrunk: gives the copy; called again, for a smaller one, if memory runs out.

        Raises:
            InferenceError: if the runtime fails.
        """
        source, side = self._input, self._largest
        step = -(-max(source.height, source.width) // side)
        small = shrunk(Shrinking(source.height, source.width, step))
        height, width, _ = small.shape
        tall, wide = (tiles.round_up(length, self._facts.multiple) for length in (height, width))
        padded = np.pad(small, ((0, tall - height), (0, wide - width), (0, 0)), mode="reflect")
        removed = self.removed(padded)
        if self._largest < side:  # memory ran out, and what was judged were parts
            return self.light(shrunk)
        if removed is None:
            return None
        return Light((padded - removed)[:height, :width], step)

    def _shrunk(self, shrinking: Shrinking) -> Image:
        """The small copy; the picture is read for it, and once more from a temporary file."""
        with self._stage("read"):
            self._input = read_ahead(self._input, shrinking.add)
        return shrinking.image()

    def _lit(self, light: Light | None, border: int, result: Image, top: int, left: int) -> Larger:
        """A tile's result in the light of the whole, at the strength wanted."""
        amount = self._settings.strength
        original = restored = result[..., :3]
        if amount < 1:
            restored = original - result[..., 3:]
        if light:
            restored = light.onto(restored, top - border, left - border)
        return restored if amount == 1 else strength.Ends(original, restored).blend(amount)

    def _unchanged(self) -> Iterator[Image]:
        """`_as_they_are` as float32, h w 3, not rounded."""
        source = self._input
        if source.dtype != np.float32 and not self._right:
            read = source.read
            source = replace(
                source,
                dtype=np.dtype(np.float32),
                rows=lambda _, count: pixels.to_float(read(count)),
            )
        for rows in self._as_they_are(source):
            yield pixels.to_rgb(pixels.to_float(rows))

    def _as_they_are(self, source: Source) -> Iterator[Pixels]:
        """The rows of a picture from which nothing is removed.

        They are enlarged by a filter if need be; of two views, they are the mean.
        """
        if self._right:
            while source.height > self._rows_read:
                image = _mean(self._read(ROWS))
                self._rows_read += len(image)
                yield pixels.from_float(pixels.to_channels(image, source.channels), source.dtype)
            return
        if self._scale > 1:
            source = enlarging.enlarged(source, self._scale)
        while len(rows := source.read(ROWS)):
            self._advance(len(rows) * source.width / self._scale**2)
            yield rows

    def _read(self, count: int) -> Image:
        """The next rows in the form the network takes: float32, RGB."""
        sources = [self._input, self._right] if self._right else [self._input]
        with self._stage("read"):
            rows = [source.read(count) for source in sources]
        with self._stage("pre"):
            images = [pixels.to_rgb(pixels.to_float(each)) for each in rows]
            return images[0] if len(images) == 1 else np.concatenate(images, axis=2)

    def _restore(self, tile: Image) -> npt.NDArray[np.float32]:
        """A restored tile, or the input of `strength.blend`. Several may run in parallel."""
        removed = self.removed(tile)
        with self._lock:
            self.tally.tiles += 1
            self.tally.kept += removed is None
            self._advance(self._share)
        original = self.as_original(tile)
        if removed is None:
            removed = np.zeros_like(original)
        if self._settings.strength == 1:
            restored: npt.NDArray[np.float32] = original - removed
            return restored
        return strength.layers(original, removed)

    def as_original(self, tile: Image) -> Larger:
        """A tile as it is, or enlarged by a filter: what the network's result is compared with.

        Of two views, it is the mean.

        Args:
            tile: h w c in float32; what exceeds 0..1 stays where it is, and does not spread.
        """
        if self._right:
            tile = _mean(tile)
        if self._scale == 1:
            return tile
        inside = _inside(tile)
        enlarged: Larger = np.clip(enlarging.enlarge(inside, self._scale), 0, 1)
        if not np.array_equal(tile, inside):  # what exceeds 0..1 must not spread, NaN least of all
            excess = (tile - inside).repeat(self._scale, 0).repeat(self._scale, 1)
            enlarged += excess
        return enlarged

    def removed(self, tile: Image) -> Larger | None:
        """What the network removes from a tile, h w 3 of any values; None if it gives no picture.

        If it enlarges, from the tile as a filter enlarges it.

        Several threads may call it at the same time.

        Raises:
            InferenceError: if the runtime fails.
        """
        # the network takes neither NaN nor values outside 0..1; subtraction preserves both
        inside = _inside(tile)
        restored = np.stack(
            [
                symmetry.turn_back(self._infer(symmetry.turn(inside, which)), which)
                for which in range(self._settings.self_ensemble)
            ]
        )
        if not np.isfinite(restored).all() or np.abs(restored).max() > OVERFLOW:
            return None
        removed: Larger = self.as_original(inside) - np.clip(restored.mean(axis=0), 0, 1)
        return removed

    def _infer(self, tile: Image) -> Larger:
        """Run one tile through the runtime; cut it smaller if memory runs out."""
        height, width, _ = tile.shape
        side = max(height, width)
        if side <= self._largest or self._settings.whole:
            try:
                return self._run(tile)
            except (OutOfMemoryError, MemoryError):
                if self._settings.whole:
                    raise InferenceError(
                        f"not enough memory on {self._settings.runtime.name} for {width}x{height} "
                        "pixels in one piece: leave out whole, or close other programs"
                    ) from None
                self._shrink(side)
        return self._infer_in_parts(tile)

    def _run(self, tile: Image) -> Larger:
        height, width, _ = tile.shape
        if self._facts.size:
            tall, wide = self._facts.size
            tile = np.pad(tile, ((0, tall - height), (0, wide - width), (0, 0)), mode="reflect")
        batch = np.ascontiguousarray(tile.transpose(2, 0, 1)[None])
        runtime = self._settings.runtime
        restored = runtime(batch)
        count, _, *sides = batch.shape
        scale = self._scale
        if restored.shape != (count, self._facts.out_channels, *(scale * side for side in sides)):
            kept = (
                f"enlarge pictures {scale} times"
                if scale > 1
                else ("restore pictures at their own size")
            )
            raise InferenceError(
                f"{runtime.name} made {restored.shape} of a batch of {batch.shape}: this model "
                f"does not {kept}"
            )
        image: Larger = restored[0, :, : height * scale, : width * scale].transpose(1, 2, 0)
        return image

    def _shrink(self, side: int) -> None:
        """Use tiles smaller than `side` from now on, which was too large, for later pictures too.

        Several tiles may fail at the same time, and log this more than once.
        """
        multiple = self._facts.multiple
        if self._facts.size or side <= max(SMALLEST_TILE, 2 * multiple):
            raise InferenceError(
                f"not enough memory on {self._settings.runtime.name} even for a tile of {side}: "
                "close other programs or use a smaller model"
            ) from None
        smaller = max(tiles.round_up(side // 2, multiple), SMALLEST_TILE, 2 * multiple)
        log.warning("not enough memory for tiles of %d: continuing with %d", side, smaller)
        with self._lock:
            self._largest = min(self._largest, smaller)
            # two pictures in parallel may set this in any order: keep the smaller one
            self._settings.largest = min(self._settings.largest, smaller)

    def _infer_in_parts(self, tile: Image) -> Larger:
        height, width, _ = tile.shape
        side, multiple = self._largest, self._facts.multiple
        overlap = min(self._settings.overlap, side // 4 // multiple * multiple)
        rows = iter(np.split(tile, height))
        layout = Layout(
            height, width, side, overlap, border=0, multiple=multiple, scale=self._scale
        )
        read = lambda count: np.concatenate([next(rows) for _ in range(count)])  # noqa: E731
        return np.concatenate(list(stitch.bands(read, layout, self._infer)))


def _scale_and_work(settings: Settings) -> tuple[int, int]:
    """The result's scale, and how many pixels all models are given for each of the source."""
    if not settings.before:
        return settings.facts.scale, 1
    scale, work = _scale_and_work(settings.before)
    return scale * settings.facts.scale, work + scale**2


def _kind(source: Source) -> tuple[int, int, int, np.dtype[Any]]:
    return source.height, source.width, source.channels, source.dtype


def _told(source: Source) -> str:
    kind = "grey" if source.channels == 1 else "RGB"
    return f"{source.width}x{source.height}, {source.dtype}, {kind}"


def _mean(views: Image) -> Larger:
    """The mean of two views, h w 6, as one picture, h w 3."""
    mean: Larger = (views[..., :3] + views[..., 3:]) / 2
    return mean


def _inside(tile: Image) -> Image:
    """A tile in 0..1, without NaN."""
    inside: Image = np.nan_to_num(np.clip(tile, 0, 1), copy=False)
    return inside
