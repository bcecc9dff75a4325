"""Measure a model over data sets, pair by pair: memory holds one pair, however many there are."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mirnet.errors import MirnetError
from mirnet.evaluation.restored_images import RestoredImages
from mirnet.evaluation.restoring import restore
from mirnet.evaluation.scores import Means, Scores, measure
from mirnet.evaluation.sets import DataSet
from mirnet.image import pixels
from mirnet.restoration.restorer import Restorer, Tally


@dataclass(frozen=True)
class Measured:
    """A pair that was restored and measured."""

    folder: Path
    """Of the data set."""
    name: str
    height: int
    width: int
    input: Scores
    """Of the noisy picture as it is."""
    restored: Scores
    seconds: float
    """Of restoring alone."""
    tiles: int
    tiles_kept: int
    """Tiles that were left as they are, since the network's result made no sense."""
    image: Path | None
    """Where the restored picture was saved."""


@dataclass(frozen=True)
class Failed:
    """A pair that could not be measured."""

    folder: Path
    name: str
    error: str


@dataclass
class Summary:
    """Means of one data set, or of all."""

    input: Means = field(default_factory=Means)
    restored: Means = field(default_factory=Means)
    failed: int = 0
    seconds: float = 0.0
    megapixels: float = 0.0

    def add(self, result: Measured | Failed) -> None:
        """One more pair; failed ones are counted and left out of the means."""
        if isinstance(result, Failed):
            self.failed += 1
            return
        self.input.add(result.input)
        self.restored.add(result.restored)
        self.seconds += result.seconds
        self.megapixels += result.height * result.width / 1e6

    @property
    def pairs(self) -> int:
        """How many were measured."""
        return self.restored.count

    @property
    def seconds_per_megapixel(self) -> float | None:
        """Of restoring, all pixels together; None before the first pair."""
        return self.seconds / self.megapixels if self.megapixels else None


def run(
    data_sets: Sequence[DataSet], restorer: Restorer, images: RestoredImages | None = None
) -> Iterator[Measured | Failed]:
    """Restore and measure the pairs one by one; one that fails is reported, the next one begun.

    Args:
        data_sets: measured in this order.
        restorer: what is measured.
        images: where restored pictures are saved; None for nowhere.
    """
    for data in data_sets:
        for index in range(data.count):
            yield _attempt(data, index, restorer, images)


def _attempt(
    data: DataSet, index: int, restorer: Restorer, images: RestoredImages | None
) -> Measured | Failed:
    name = data.pairs.name(index)
    try:
        return _measured(data, index, restorer, images)
    except (MirnetError, OSError, MemoryError) as error:
        return Failed(data.folder, name, str(error) or "not enough memory")


def _measured(
    data: DataSet, index: int, restorer: Restorer, images: RestoredImages | None
) -> Measured:
    stored, clean = data.pairs.whole(index)
    noisy, truth = pixels.to_float(stored), pixels.to_float(clean)
    height, width, _ = noisy.shape
    tally = Tally()
    started = time.perf_counter()
    restored = restore(restorer, noisy, tally)
    seconds = time.perf_counter() - started
    name = data.pairs.name(index)
    return Measured(
        data.folder,
        name,
        height,
        width,
        measure(noisy, truth),
        measure(restored, truth),
        seconds,
        tally.tiles,
        tally.kept,
        images.save(data.folder, name, restored, stored.dtype) if images else None,
    )
