"""Restore pictures of any size, type and channel count, on any runtime."""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from mirnet.errors import InferenceError, OutOfMemoryError, ShapeError, TilingError
from mirnet.image import codec, pixels, symmetry
from mirnet.restoration import stitch, tiles
from mirnet.restoration.lanes import Lanes
from mirnet.restoration.runtime import Concurrent, FixedSize, Runtime, facts_of
from mirnet.restoration.stitch import Apply, Layout
from mirnet.restoration.strength import blend, layers
from mirnet.shapes import Image, Pixels

log = logging.getLogger(__name__)

TILE = 188
OVERLAP = 16
"""Chosen by measurement: docs/tiling.md. Where a channel of a tile is a whole number of pages of
memory, as at 192, channels drive each other out of the cache."""
MULTIPLES, WIDEST = 20, 640
"""A tile has so many of what the model's sides are multiples of, up to 640 pixels: where it counts
cells of 32 pixels, tiles share 64, and smaller ones would compute too much twice."""
BORDER = 4
"""Pixels of reflection around the picture."""
SMALLEST_TILE = 64
"""Below this, a smaller tile no longer helps against a lack of memory."""
OVERFLOW = 4.0
"""No restored pixel is this far from 0..1 unless the arithmetic overflowed."""

Progress = Callable[[float], None]
"""Told after each tile how many more pixels are done."""


def default_tile(multiple: int) -> int:
    """Side of the tiles of a model whose sides are multiples of this.

    >>> default_tile(4), default_tile(8), default_tile(32), default_tile(128)
    (188, 192, 640, 640)
    """
    return tiles.round_up(max(TILE, min(MULTIPLES * multiple, WIDEST)), multiple)


def default_overlap(tile: int, multiple: int) -> int:
    """What tiles of this side share.

    >>> default_overlap(188, 4), default_overlap(40, 4), default_overlap(640, 32)
    (16, 8, 64)
    """
    wanted = OVERLAP if multiple < OVERLAP else min(2 * multiple, max(multiple, 64))
    return min(wanted, tile // 4) // multiple * multiple


@dataclass
class Tally:
    """What happened to the tiles of one picture."""

    tiles: int = 0
    kept: int = 0
    """Tiles left as they were, because the network's result was not a picture."""


def left_alone(kept: int, tiles: int, network: str = "the network") -> str:
    """What is told of tiles that were left as they were; see `Tally`."""
    return f"{kept} of {tiles} tiles were left as they were: {network} gave no usable result there"


class Restorer:
    """Restores arrays and files, tile by tile.

    A tile sees itself only. A network that averages over windows gives nearly the same result with
    and without tiles; one that averages over all it is given, as the paper's do, differs a little
    (docs/tiling.md has the measure).

    Args:
        runtime: runs the network; `mirnet.load` opens one. Closed with the restorer.
        tile: side of the square tiles in pixels, a multiple of what the model takes; None for
            `default_tile`, or for the size of a model that takes no other.
        overlap: pixels that neighbouring tiles share, such a multiple, at most half a tile; None
            for `default_overlap`.
        strength: 0 for the original, which needs no network, 1 for the network's result; between
            them, fine grain of the luminance comes back, and hardly any colour noise (see
            `mirnet.restoration.strength`).
        self_ensemble: of so many views of each tile, 1 to 8, turned and mirrored, the results are
            averaged: as many times the time, for less noise (geometric self-ensemble: Lim et al.,
            "Enhanced Deep Residual Networks for Single Image Super-Resolution", 2017, section 4.3).

    Raises:
        TilingError: if tile and overlap do not fit together, or the tile is larger than what the
            model takes.
        ShapeError: if the strength is outside 0..1, or the number of views outside 1..8.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        tile: int | None = None,
        overlap: int | None = None,
        strength: float = 1.0,
        self_ensemble: int = 1,
    ) -> None:
        size = runtime.size if isinstance(runtime, FixedSize) else None
        multiple = facts_of(runtime).multiple
        if tile is None:
            tile = min(size) if size else default_tile(multiple)
        if overlap is None:
            overlap = default_overlap(tile, multiple)
        tiles.check(tile, overlap, multiple)
        if not 0 <= strength <= 1:
            raise ShapeError(f"strength is a number from 0 to 1, got {strength}")
        if not 1 <= self_ensemble <= symmetry.COUNT:
            raise ShapeError(
                f"self-ensemble is of 1 to {symmetry.COUNT} views, got {self_ensemble}"
            )
        if size and tile > min(size):
            raise TilingError(
                f"this model takes {size[0]}x{size[1]} only, and a tile of {tile} does not fit: "
                f"leave the tile out, or take {min(size)}"
            )
        self.runtime = runtime
        self.tile = tile
        self.overlap = overlap
        self._multiple = multiple
        self.strength = strength
        self.self_ensemble = self_ensemble
        self._size = size
        self._largest = tile  # shrinks when memory runs out, and stays so
        count = runtime.lanes if isinstance(runtime, Concurrent) else 1
        self._lanes = Lanes(count) if count > 1 else None
        self.apply: Apply = self._lanes.map if self._lanes else map
        """How tiles are run: one after the other, or side by side."""

    def __call__(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Restore an array: h w or h w c with 1 or 3 channels, uint8, uint16 or float32.

        Returns an array of the same shape and dtype. Float pictures are in 0..1; what lies beyond
        is carried over unchanged on top of the restored value at 0 or 1.

        Raises:
            ShapeError: for other shapes.
            ImageError: for other dtypes.
            InferenceError: if the runtime fails.
        """
        if image.ndim not in (2, 3) or 0 in image.shape:
            raise ShapeError(f"a picture is height x width (x channels), got {image.shape}")
        picture = image[..., None] if image.ndim == 2 else image
        if picture.shape[2] not in (1, 3):
            raise ShapeError(f"a picture has 1 or 3 channels, got {picture.shape[2]}")
        pixels.peak(image.dtype)  # raises
        height, width, _ = picture.shape
        tally = Tally()
        position = 0

        def read(count: int) -> Pixels:
            nonlocal position
            position += count
            return picture[position - count : position]

        restored = np.concatenate(list(self.bands(read, height, width, tally=tally)))
        if tally.kept:
            log.warning(left_alone(tally.kept, tally.tiles, self.runtime.name))
        return restored.reshape(image.shape)

    def file(
        self,
        source: Path | str,
        target: Path | str,
        *,
        format: str | None = None,
        quality: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[codec.Source, Tally, tuple[str, ...]]:
        """Restore a picture file into another, with its metadata, colour profile and bit depth.

        Memory stays bounded however large the picture is. `target` appears when it is whole.

        Returns:
            The source's facts, what happened to its tiles, and notes on what changed in writing.

        Raises:
            ImageError: if a file cannot be read or written.
            InferenceError: if the runtime fails.
        """
        tally = Tally()
        picture = codec.open(Path(source))
        bands = self.bands(
            picture.read, picture.height, picture.width, tally=tally, progress=progress
        )
        notes = codec.write(Path(target), bands, picture, format=format, quality=quality)
        return picture, tally, notes

    def bands(
        self,
        read: Callable[[int], Pixels],
        height: int,
        width: int,
        *,
        tally: Tally | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Pixels]:
        """Restore a stream of rows: `read(count)` gives the next ones, bands come out in order.

        Rows are h w c with 1 or 3 channels, in any dtype that `__call__` takes; bands are alike.
        """
        if self.strength == 0:
            yield from _as_they_are(read, height, width, progress)
            return
        layout = Layout(
            height,
            width,
            self.tile,
            self.overlap,
            BORDER,
            multiple=self._multiple,
            whole=bool(self._size),
        )
        tally = Tally() if tally is None else tally
        share = height * width / layout.count
        kind: list[tuple[np.dtype[Any], int]] = []  # dtype and channels, known after the first rows

        def read_float(count: int) -> Image:
            rows = read(count)
            kind[:] = [(rows.dtype, rows.shape[2])]
            return pixels.to_rgb(pixels.to_float(rows))

        counting = threading.Lock()

        def run(tile: Image) -> npt.NDArray[np.float32]:
            removed = self._removed(tile)
            with counting:
                tally.tiles += 1
                tally.kept += removed is None
                if progress:
                    progress(share)
            if removed is None:
                removed = np.zeros_like(tile)
            return tile - removed if self.strength == 1 else layers(tile, removed)

        restored = stitch.bands(read_float, layout, run, apply=self.apply)
        if self.strength < 1:
            restored = blend(restored, height, self.strength)
        for band in restored:
            dtype, channels = kind[0]
            yield pixels.from_float(pixels.to_channels(band, channels), dtype)

    def _removed(self, tile: Image) -> Image | None:
        """What the network takes away from a tile of any values; None if that makes no picture."""
        # the network takes neither NaN nor what is beyond; both stay when this is subtracted
        inside = np.nan_to_num(np.clip(tile, 0, 1), copy=False)
        restored = np.stack(
            [
                symmetry.turn_back(self._infer(symmetry.turn(inside, which)), which)
                for which in range(self.self_ensemble)
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
        if self._size:
            tall, wide = self._size
            tile = np.pad(tile, ((0, tall - height), (0, wide - width), (0, 0)), mode="reflect")
        batch = np.ascontiguousarray(tile.transpose(2, 0, 1)[None])
        restored = self.runtime(batch)
        if restored.shape != batch.shape:
            raise InferenceError(
                f"{self.runtime.name} made {restored.shape} of a batch of {batch.shape}: this "
                "model does not restore pictures at their own size"
            )
        image: Image = restored[0, :, :height, :width].transpose(1, 2, 0)
        return image

    def _shrink(self, side: int) -> None:
        """From now on tiles are smaller than `side`, which was too much.

        Several tiles may come to this at once, and say so more than once.
        """
        if self._size or side <= max(SMALLEST_TILE, 2 * self._multiple):
            raise InferenceError(
                f"not enough memory on {self.runtime.name} even for a tile of {side}: close other "
                "programs or take a smaller model"
            ) from None
        smaller = max(tiles.round_up(side // 2, self._multiple), SMALLEST_TILE, 2 * self._multiple)
        log.warning("not enough memory for tiles of %d: going on with %d", side, smaller)
        self._largest = smaller

    def _infer_in_parts(self, tile: Image) -> Image:
        height, width, _ = tile.shape
        side = self._largest
        overlap = min(self.overlap, side // 4 // self._multiple * self._multiple)
        rows = iter(np.split(tile, height))
        layout = Layout(height, width, side, overlap, border=0, multiple=self._multiple)
        read = lambda count: np.concatenate([next(rows) for _ in range(count)])  # noqa: E731
        return np.concatenate(list(stitch.bands(read, layout, self._infer)))

    def close(self) -> None:
        """Give the runtime's memory back."""
        if self._lanes:
            self._lanes.close()
        self.runtime.close()

    def __enter__(self) -> "Restorer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _as_they_are(
    read: Callable[[int], Pixels], height: int, width: int, progress: Progress | None
) -> Iterator[Pixels]:
    """The rows of a picture of which nothing is removed."""
    for first in range(0, height, TILE):
        rows = read(min(TILE, height - first))
        if progress:
            progress(len(rows) * width)
        yield rows
