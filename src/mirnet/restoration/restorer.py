"""Restore pictures of any size, type and channel count, on any runtime."""

import logging
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from mirnet.errors import ImageError, ShapeError, TilingError, WeightsError
from mirnet.models.facts import Facts
from mirnet.pictures import codec, symmetry
from mirnet.pictures.codec import Picture, Writable
from mirnet.pictures.source import Source
from mirnet.restoration import tiles
from mirnet.restoration.grain import NONE as NO_GRAIN
from mirnet.restoration.grain import Grain
from mirnet.restoration.lanes import Lanes
from mirnet.restoration.restored import Progress, Restored, Tally, left_alone
from mirnet.restoration.runtime import Runtime, facts_of
from mirnet.restoration.stitch import Apply, StageTimer, untimed

__all__ = ["Progress", "Restored", "Restorer", "Tally", "default_overlap", "default_tile"]

log = logging.getLogger(__name__)

Scalar = TypeVar("Scalar", bound=np.generic)
"""Type of the numbers in an array: the result has the same."""

TASKS = ("", "denoise", "enlarge", "enlarge-aligned", "deblur", "brighten", "retouch")
"""Tasks of models that give one picture; empty if the task is unknown."""
ORDER = ("deblur", "brighten", "denoise", "retouch", "enlarge-aligned", "enlarge")
"""Tasks in the order in which models usually follow each other: what makes noise visible comes
before what removes it, and what makes pictures larger comes last, since it would enlarge noise,
too, and since all that follows would take longer."""
VIEWS = 6
"""Channels that a model takes of a dual-pixel sensor: the left and the right view in RGB."""

TILE = 188
OVERLAP = 16
"""Chosen by measurement: docs/tiling.md. If a channel of a tile fills whole pages of memory, as at
192, channels evict each other from the cache."""
MULTIPLES, WIDEST = 20, 640
"""A tile is this many multiples of the model's sides, up to 640 pixels: with cells of 32 pixels,
tiles share 64, and smaller tiles would compute too much twice."""
LIT = 512
"""Smallest tile of models that judge the light, since a copy of that size decides it for all."""


def default_tile(facts: Facts) -> int:
    """Default side of the tiles for a model.

    >>> [default_tile(Facts(multiple=multiple)) for multiple in (4, 8, 32, 128)]
    [188, 192, 640, 640]
    >>> default_tile(Facts(size=(256, 320))), default_tile(Facts(task="brighten"))
    (256, 512)
    """
    if facts.size:
        return min(facts.size)
    multiple = facts.multiple
    smallest = LIT if facts.judges_light else TILE
    return tiles.round_up(max(smallest, min(MULTIPLES * multiple, WIDEST)), multiple)


def default_overlap(tile: int, facts: Facts) -> int:
    """Default overlap of tiles of this side.

    >>> default_overlap(188, Facts()), default_overlap(40, Facts())
    (16, 8)
    >>> default_overlap(640, Facts(multiple=32))
    64
    """
    multiple = facts.multiple
    wanted = OVERLAP if multiple < OVERLAP else min(2 * multiple, max(multiple, 64))
    return min(wanted, tile // 4) // multiple * multiple


def check(facts: Facts, *, is_single: bool = False, is_plain: bool = False) -> None:
    """Refuse a model that does not make RGB pictures of RGB pictures.

    Args:
        facts: of the model.
        is_single: whether it must take one picture, not two views.
        is_plain: whether it must take one picture, not two views, and give one of the same size.

    Raises:
        WeightsError: if it takes or gives other channels, is not single or plain and must be, is
            for another task, or takes one size that is too small for a tile.
    """
    fits = facts.in_channels in (3, VIEWS) and facts.out_channels == 3
    if not fits or facts.task not in TASKS:
        raise WeightsError(
            f"this model {facts.takes()}: pictures are restored by models that take and give RGB"
        )
    if (is_single or is_plain) and facts.in_channels == VIEWS:
        raise WeightsError(
            f"this model {facts.takes()}: here, one picture is restored; use `mirnet restore` with "
            "--left and --right"
        )
    if is_plain and facts.scale != 1:
        raise WeightsError(
            f"this model {facts.takes()}: here, one picture becomes one of the same size; use "
            "`mirnet restore`"
        )
    smallest = tiles.smallest(facts.multiple)
    if facts.size and min(facts.size) < smallest:
        raise WeightsError(
            f"this model {facts.takes()}: a tile is of {smallest} pixels at least, so export it "
            "for a larger size, or for any"
        )


def usual_order(chain: Sequence[Facts]) -> list[int] | None:
    """Places of models in the order in which they usually follow each other; see `ORDER`.

    Models of unknown tasks stay where they are. None if the order is usual already.

    >>> usual_order([Facts(task="enlarge"), Facts(task="denoise"), Facts()])
    [1, 0, 2]
    >>> usual_order([Facts(task="denoise"), Facts(), Facts(task="denoise")])
    """
    known = [place for place, facts in enumerate(chain) if facts.task in ORDER]
    ranks = [ORDER.index(chain[place].task) for place in known]
    if all(one <= other for one, other in pairwise(ranks)):
        return None
    usual = iter(sorted(known, key=lambda place: ORDER.index(chain[place].task)))
    return [next(usual) if place in known else place for place in range(len(chain))]


class Restorer:
    """Restores arrays and files, tile by tile. Several threads may use it at the same time.

    The network sees one tile at a time. A network that averages over windows gives nearly the same
    result with and without tiles; one that averages over its whole input, as the paper's networks
    do, differs slightly (docs/tiling.md has figures).

    A model that judges the light of a whole picture sees a small copy of it first, which decides
    how bright each place becomes; tiles add the detail (see `mirnet.restoration.light`).

    A model that enlarges gives pictures `facts.scale` times as high and wide (docs/enlarging.md).

    Args:
        runtime: runs the network; `mirnet.load` opens one. Closed with the restorer.
        tile: side of the square tiles in pixels, a multiple of what the model takes; None for
            `default_tile`, or for the size of a fixed-size model.
        overlap: pixels that neighbouring tiles share, a multiple as well, at most half a tile; None
            for `default_overlap`.
        strength: 0 for the original, which needs no network (of a model that enlarges, for what a
            bicubic filter makes of it), 1 for the network's result; in between, fine grain of the
            luminance returns, and hardly any colour noise (see `mirnet.restoration.strength`). Of
            a model that judges the light, the share of the result in a plain mean.
        self_ensemble: average this many flipped and rotated views (1 to 8) of each tile; N views
            take N times as long and leave less noise (geometric self-ensemble: Lim et al.,
            "Enhanced Deep Residual Networks for Single Image Super-Resolution", 2017, section 4.3).
        whole: run each picture in one piece, without tiles or a border, as papers do. Memory grows
            with the picture; reflection extends sides that are no multiples of what the model
            takes.
        grain: grain that is added afterwards; see `mirnet.restoration.grain`.
        before: restores each picture first, and gives this one its result, unrounded and row by
            row. Closed with this one.

    Raises:
        WeightsError: if the model does not restore pictures; see `check`. If another comes before
            it, and it takes the two views of a dual-pixel sensor.
        TilingError: if tile and overlap do not fit together, the tile is larger than what the
            model takes, or one of them is given with `whole`.
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
        whole: bool = False,
        grain: Grain = NO_GRAIN,
        before: "Restorer | None" = None,
    ) -> None:
        if whole and (tile, overlap) != (None, None):
            raise TilingError("whole pictures have no tiles: leave out tile and overlap, or whole")
        self.facts = facts_of(runtime)
        """The facts the model declares."""
        check(self.facts)
        if before and self.facts.in_channels == VIEWS:
            raise WeightsError(
                f"this model {self.facts.takes()}: it can only be the first of several"
            )
        if tile is None:
            tile = default_tile(self.facts)
        if overlap is None:
            overlap = default_overlap(tile, self.facts)
        tiles.check(tile, overlap, self.facts.multiple)
        if not 0 <= strength <= 1:
            raise ShapeError(f"strength must be a number from 0 to 1, got {strength}")
        if self_ensemble > 1 and self.facts.in_channels == VIEWS:
            raise ShapeError(
                "the views of a dual-pixel sensor differ from left to right, which turning would "
                "change: leave out the self-ensemble"
            )
        if not 1 <= self_ensemble <= symmetry.COUNT:
            raise ShapeError(
                f"self-ensemble takes 1 to {symmetry.COUNT} views, got {self_ensemble}"
            )
        size = self.facts.size
        if size and tile > min(size):
            raise TilingError(
                f"this model takes {size[0]}x{size[1]} only, and a tile of {tile} does not fit: "
                f"omit the tile, or use {min(size)}"
            )
        self.runtime = runtime
        self.tile = tile
        self.overlap = overlap
        self.strength = strength
        self.self_ensemble = self_ensemble
        self.whole = whole
        """Whether each picture runs in one piece; `tile` and `overlap` then have no effect."""
        self.grain = grain
        self.before = before
        self.largest = tile
        """Side of the largest tile that has fitted into memory so far."""
        self._lanes = Lanes(self.facts.lanes) if self.facts.lanes > 1 else None
        self.apply: Apply = self._lanes.map if self._lanes else map
        """How tiles are run: one after the other, or in parallel."""

    @property
    def chain(self) -> "list[Restorer]":
        """This restorer and those before it, in the order in which pictures pass them."""
        return [*(self.before.chain if self.before else ()), self]

    @property
    def scale(self) -> int:
        """Ratio of the results' height and width to the pictures'."""
        return math.prod(each.facts.scale for each in self.chain)

    @property
    def tiling(self) -> dict[str, int | None]:
        """`tile` and `overlap` for records; both None if pictures run in one piece."""
        if self.whole:
            return {"tile": None, "overlap": None}
        return {"tile": self.tile, "overlap": self.overlap}

    def restore(
        self,
        picture: Picture | Source,
        right: Picture | Source | None = None,
        *,
        format: str | None = None,
        progress: Progress | None = None,
        stage: StageTimer = untimed,
    ) -> Restored:
        """Restore a picture from any source.

        Args:
            picture: a path, the bytes of a file, a binary stream, or an array h w (c) of uint8,
                uint16 or float32 with 1 or 3 channels; or a source that `codec.open` returned. For
                a model of a dual-pixel sensor, the left view.
            right: the right view, of the same size and kind. Metadata and alpha are the left one's.
            format: the format in which it will be written, if that is known: a RAW file that is to
                become a DNG is not developed, see `codec.open`.
            progress: called after each tile.
            stage: entered for each stage of the work.

        Returns:
            What will be computed while its rows are taken, written or made an array.

        Raises:
            ImageError: if it is no picture, missing, or damaged; if a view is missing or one too
                many, or they differ in size or kind.
            ShapeError: if an array is none of a picture.
        """
        source, other = (
            each if each is None or isinstance(each, Source) else codec.open(each, format=format)
            for each in (picture, right)
        )
        assert source is not None
        facts = self.chain[0].facts
        if (facts.in_channels == VIEWS) != (other is not None):
            raise ImageError(
                f"{source.name}: this model {facts.takes()}: "
                + ("it takes no right view" if other else "give the left and the right view")
            )
        return Restored(source, self, right=other, progress=progress, stage=stage)

    def __call__(
        self, image: npt.NDArray[Scalar], right: npt.NDArray[Scalar] | None = None
    ) -> npt.NDArray[Scalar]:
        """Restore an array: h w or h w c with 1 or 3 channels, uint8, uint16 or float32.

        Returns an array of the same shape and dtype, `scale` times as high and wide. Float
        pictures are in 0..1; the excess beyond that range is added unchanged to the restored value
        at 0 or 1.

        Raises:
            ShapeError: for other shapes.
            ImageError: for other dtypes.
            InferenceError: if the runtime fails.
        """
        restored = self.restore(image, right)
        array = restored.array()
        if restored.tally.kept:
            tally = restored.tally
            log.warning(left_alone(tally.kept, tally.tiles, self.runtime.name))
        shape = (*array.shape[:2], *image.shape[2:])
        return cast(npt.NDArray[Scalar], array.reshape(shape))

    def file(
        self,
        source: Path | str,
        target: Path | str | Writable,
        *,
        format: str | None = None,
        quality: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Source, Tally, tuple[str, ...]]:
        """Restore a picture file into another: `restore` and `Restored.write` in one call.

        Returns:
            The source's facts, what happened to its tiles, and notes on what changed in writing.

        Raises:
            ImageError: if a file cannot be read or written.
            InferenceError: if the runtime fails.
        """
        kind = format
        if format is None and isinstance(target, Path | str):
            kind = codec.WRITABLE.get(Path(target).suffix.lower())
        restored = self.restore(Path(source), format=kind, progress=progress)
        restored.write(target, format=format, quality=quality)
        picture = restored.source
        return picture, restored.tally, restored.notes[len(picture.notes) :]

    def close(self) -> None:
        """Release the runtime's memory, and that of those before."""
        if self._lanes:
            self._lanes.close()
        self.runtime.close()
        if self.before:
            self.before.close()

    def __enter__(self) -> "Restorer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
