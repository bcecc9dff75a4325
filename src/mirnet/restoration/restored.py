"""One picture passing through a network: the restored rows, and what happened to its tiles."""

import io
import logging
import threading
from collections.abc import Callable, Iterator
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
from mirnet.restoration.stitch import Apply, Layout, StageTimer, untimed
from mirnet.shapes import Image, Pixels

log = logging.getLogger(__name__)

BORDER = 4
"""Pixels of reflection around the picture."""
SMALLEST_TILE = 64
"""Below this, smaller tiles no longer help when memory runs out."""
OVERFLOW = 4.0
"""No restored pixel is this far from 0..1 unless the arithmetic overflowed."""
ROWS = 188
"""Rows passed on at a time if a picture is left unchanged."""

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
    apply: Apply
    largest: int
    """Side of the largest tile that has fitted into memory so far."""


class Restored:
    """The result for one picture: rows, which are computed as they are read.

    Only one of `rows`, `array`, `image`, `write` and `tobytes` can be called, and only once.

    Args:
        source: the picture.
        settings: how it is restored.
        progress: called after each tile.
        stage: entered for each stage.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        *,
        progress: Progress | None = None,
        stage: StageTimer = untimed,
    ) -> None:
        self.source = source
        """The source picture."""
        self.tally = Tally()
        """What happened to the tiles so far."""
        self.notes = source.notes
        """What the user should know: changes made on reading and, once written, on writing."""
        self._settings = settings
        self._facts = settings.facts
        self._largest = settings.largest  # shrinks when memory runs out, and never grows back
        self._progress = progress
        self._share = 0.0  # pixels of the picture per tile
        self._stage = stage
        self._lock = threading.Lock()  # tiles may run in parallel

    def rows(self) -> Iterator[Pixels]:
        """The restored rows from top to bottom, in bands of any height, h w c as in the source.

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
        with (
            self._stage("write"),
            codec.create(target, self.source, format=format, quality=quality) as file,
        ):
            for rows in self.rows():
                file.append(rows)
        self.notes = (*self.notes, *file.notes)

    def tobytes(self, format: str, *, quality: int | None = None) -> bytes:
        """The picture as an in-memory file of a format in `codec.FORMATS`; see `write`."""
        target = io.BytesIO()
        self.write(target, format=format, quality=quality)
        return target.getvalue()

    def _as_they_are(self) -> Iterator[Pixels]:
        """The rows of a picture from which nothing is removed."""
        while len(rows := self.source.read(ROWS)):
            if self._progress:
                self._progress(len(rows) * self.source.width)
            yield rows

    def _read(self, count: int) -> Image:
        """The next rows in the form the network takes: float32, RGB."""
        with self._stage("read"):
            rows = self.source.read(count)
        with self._stage("pre"):
            image: Image = pixels.to_rgb(pixels.to_float(rows))
            return image

    def _restore(self, tile: Image) -> npt.NDArray[np.float32]:
        """A restored tile, or the input of `strength.blend`. Several may run in parallel."""
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
        """What the network removes from a tile of any values; None if the output is not valid."""
        # the network takes neither NaN nor values outside 0..1; subtraction preserves both
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
        """Run one tile through the runtime; cut it smaller if memory runs out."""
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
        """Use tiles smaller than `side` from now on, which was too large, for later pictures too.

        Several tiles may fail at the same time, and log this more than once.
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
            # two pictures in parallel may set this in any order: keep the smaller one
            self._settings.largest = min(self._settings.largest, smaller)

    def _infer_in_parts(self, tile: Image) -> Image:
        height, width, _ = tile.shape
        side, multiple = self._largest, self._facts.multiple
        overlap = min(self._settings.overlap, side // 4 // multiple * multiple)
        rows = iter(np.split(tile, height))
        layout = Layout(height, width, side, overlap, border=0, multiple=multiple)
        read = lambda count: np.concatenate([next(rows) for _ in range(count)])  # noqa: E731
        return np.concatenate(list(stitch.bands(read, layout, self._infer)))
