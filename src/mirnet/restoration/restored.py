"""One picture on its way through a network: what comes of it, and what happened to its tiles."""

import io
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from mirnet.errors import InferenceError, OutOfMemoryError
from mirnet.models.facts import Facts
from mirnet.pictures import codec, pixels, symmetry
from mirnet.pictures.codec import Writable
from mirnet.pictures.source import Source
from mirnet.restoration import stitch, strength, tiles
from mirnet.restoration.runtime import Runtime
from mirnet.restoration.stitch import Apply, Layout, StageTimer
from mirnet.shapes import Image, Pixels

log = logging.getLogger(__name__)

BORDER = 4
"""Pixels of reflection around the picture."""
SMALLEST_TILE = 64
"""Below this, a smaller tile no longer helps against a lack of memory."""
OVERFLOW = 4.0
"""No restored pixel is this far from 0..1 unless the arithmetic overflowed."""
ROWS = 188
"""Of a picture that is left as it is, so many are passed on at a time."""

Progress = Callable[[float], None]
"""Told after each tile how many more pixels are done."""


@dataclass
class Tally:
    """What happened to the tiles of one picture."""

    tiles: int = 0
    kept: int = 0
    """Tiles left as they were, because the network's result was not a picture."""

    def add(self, other: "Tally") -> None:
        """Those of one more picture."""
        self.tiles += other.tiles
        self.kept += other.kept


def left_alone(kept: int, tiles: int, network: str = "the network") -> str:
    """What is told of tiles that were left as they were; see `Tally`."""
    return f"{kept} of {tiles} tiles were left as they were: {network} gave no usable result there"


@runtime_checkable
class Settings(Protocol):
    """How pictures are restored: what a `Restored` wants to know of its `Restorer`."""

    runtime: Runtime
    facts: Facts
    tile: int
    overlap: int
    strength: float
    self_ensemble: int
    apply: Apply
    largest: int
    """Side of the largest tile for which memory sufficed so far."""


class Restored:
    """What comes of a picture: rows, which are computed while they are taken.

    Of `rows`, `array`, `write`, `tobytes` one can be asked for, once.

    Args:
        source: the picture.
        settings: how it is restored.
        progress: told of each tile.
        stage: told of each stage.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        *,
        progress: Progress | None = None,
        stage: StageTimer | None = None,
    ) -> None:
        self.source = source
        """The picture that it was made of."""
        self.tally = Tally()
        """What happened to the tiles so far."""
        self.notes = source.notes
        """What the user should know: what reading changed, and after writing, what that did."""
        self._settings = settings
        self._facts = settings.facts
        self._largest = settings.largest  # shrinks when memory runs out, and stays so
        self._progress = progress
        self._share = 0.0  # of the picture's pixels, for each tile
        self._stage: StageTimer = stage or (lambda name: nullcontext())
        self._lock = threading.Lock()  # tiles may run side by side

    def rows(self) -> Iterator[Pixels]:
        """The restored rows from top to bottom, h w c in bands of any height, as the source has.

        Raises:
            ImageError: if the source turns out to be damaged.
            InferenceError: if the runtime fails.
        """
        source, settings = self.source, self._settings
        if settings.strength == 0:
            yield from self._as_they_are()
            return
        layout = Layout(
            source.height,
            source.width,
            settings.tile,
            settings.overlap,
            BORDER,
            multiple=self._facts.multiple,
            whole=bool(self._facts.size),
        )
        self._share = source.height * source.width / layout.count
        bands = stitch.bands(
            self._read, layout, self._restore, apply=settings.apply, stage=self._stage
        )
        if settings.strength < 1:
            bands = strength.blend(bands, source.height, settings.strength)
        while True:
            with self._stage("tiling"):
                band = next(bands, None)
            if band is None:
                return
            with self._stage("post"):
                rows = pixels.from_float(pixels.to_channels(band, source.channels), source.dtype)
            yield rows

    def array(self) -> Pixels:
        """The whole restored picture, h w c in the source's dtype."""
        return np.concatenate(list(self.rows()))

    def image(self) -> Image:
        """The whole picture as float32 in 0..1, for measures: of a float source it is not rounded.

        Clipped, since blending may be off by a last digit.
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
        """Write the picture with everything that the source carries; see `codec.create`.

        Memory stays bounded however large the picture is. A file appears when it is whole.

        Raises:
            ImageError: if the source is damaged, or the target cannot be written.
            InferenceError: if the runtime fails.
        """
        with (
            self._stage("write"),
            codec.create(target, self.source, format=format, quality=quality) as file,
        ):
            for rows in self.rows():
                file.append(rows)
        self.notes = (*self.notes, *file.notes)

    def tobytes(self, format: str, *, quality: int | None = None) -> bytes:
        """The picture as a file of a format, one of `codec.FORMATS`, in memory; see `write`."""
        target = io.BytesIO()
        self.write(target, format=format, quality=quality)
        return target.getvalue()

    def _as_they_are(self) -> Iterator[Pixels]:
        """The rows of a picture of which nothing is removed."""
        while len(rows := self.source.read(ROWS)):
            if self._progress:
                self._progress(len(rows) * self.source.width)
            yield rows

    def _read(self, count: int) -> Image:
        """The next rows as the network wants them: float32, RGB."""
        with self._stage("read"):
            rows = self.source.read(count)
        with self._stage("pre"):
            image: Image = pixels.to_rgb(pixels.to_float(rows))
            return image

    def _restore(self, tile: Image) -> npt.NDArray[np.float32]:
        """A tile restored, or what `strength.blend` makes it of. Several may run side by side."""
        removed = self._removed(tile)
        with self._lock:
            self.tally.tiles += 1
            self.tally.kept += removed is None
            if self._progress:
                self._progress(self._share)
        if removed is None:
            removed = np.zeros_like(tile)
        return tile - removed if self._settings.strength == 1 else strength.layers(tile, removed)

    def _removed(self, tile: Image) -> Image | None:
        """What the network takes away from a tile of any values; None if that makes no picture."""
        # the network takes neither NaN nor what is beyond; both stay when this is subtracted
        inside = np.nan_to_num(np.clip(tile, 0, 1), copy=False)
        restored = np.stack(
            [
                symmetry.turn_back(self._infer(symmetry.turn(inside, which)), which)
                for which in range(self._settings.self_ensemble)
            ]
        )
        if not np.isfinite(restored).all() or np.abs(restored).max() > OVERFLOW:
            return None
        removed: Image = inside - np.clip(restored.mean(axis=0), 0, 1)
        return removed

    def _infer(self, tile: Image) -> Image:
        """One tile through the runtime; cut smaller where memory does not suffice."""
        side = max(tile.shape[:2])
        if side <= self._largest:
            try:
                return self._run(tile)
            except (OutOfMemoryError, MemoryError):
                self._shrink(side)
        return self._infer_in_parts(tile)

    def _run(self, tile: Image) -> Image:
        height, width, _ = tile.shape
        if self._facts.size:
            tall, wide = self._facts.size
            tile = np.pad(tile, ((0, tall - height), (0, wide - width), (0, 0)), mode="reflect")
        batch = np.ascontiguousarray(tile.transpose(2, 0, 1)[None])
        runtime = self._settings.runtime
        restored = runtime(batch)
        if restored.shape != batch.shape:
            raise InferenceError(
                f"{runtime.name} made {restored.shape} of a batch of {batch.shape}: this model "
                "does not restore pictures at their own size"
            )
        image: Image = restored[0, :, :height, :width].transpose(1, 2, 0)
        return image

    def _shrink(self, side: int) -> None:
        """From now on tiles are smaller than `side`, which was too much; so are later pictures'.

        Several tiles may come to this at once, and say so more than once.
        """
        multiple = self._facts.multiple
        if self._facts.size or side <= max(SMALLEST_TILE, 2 * multiple):
            raise InferenceError(
                f"not enough memory on {self._settings.runtime.name} even for a tile of {side}: "
                "close other programs or take a smaller model"
            ) from None
        smaller = max(tiles.round_up(side // 2, multiple), SMALLEST_TILE, 2 * multiple)
        log.warning("not enough memory for tiles of %d: going on with %d", side, smaller)
        with self._lock:
            self._largest = min(self._largest, smaller)
            # of two pictures at a time either may be the last to say so: both are small enough
            self._settings.largest = min(self._settings.largest, smaller)

    def _infer_in_parts(self, tile: Image) -> Image:
        height, width, _ = tile.shape
        side, multiple = self._largest, self._facts.multiple
        overlap = min(self._settings.overlap, side // 4 // multiple * multiple)
        rows = iter(np.split(tile, height))
        layout = Layout(height, width, side, overlap, border=0, multiple=multiple)
        read = lambda count: np.concatenate([next(rows) for _ in range(count)])  # noqa: E731
        return np.concatenate(list(stitch.bands(read, layout, self._infer)))
