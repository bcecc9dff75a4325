"""Measure methods over data sets, pair by pair: memory holds one pair, however many there are."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import DataError, MirnetError
from mirnet.evaluation.method import Method, MethodResult
from mirnet.evaluation.restored_images import RestoredImages
from mirnet.evaluation.scores import Distance, Scores, measure
from mirnet.evaluation.sets import DataSet
from mirnet.pictures import pixels
from mirnet.shapes import Image


@dataclass(frozen=True)
class Outcome:
    """What a method did to the noisy picture of a pair."""

    scores: Scores
    seconds: float
    """Of restoring alone."""
    tiles: int | None
    tiles_kept: int | None
    """See `method.Restored`."""
    image: Path | None
    """Where the restored picture was saved."""


@dataclass(frozen=True)
class Measured:
    """A pair that was restored by all methods and measured."""

    folder: Path
    """Of the data set."""
    name: str
    height: int
    width: int
    input: Scores
    """Of the noisy picture as it is."""
    outcomes: Mapping[str, Outcome]
    """By the names of the methods, in their order."""


@dataclass(frozen=True)
class Failed:
    """A pair that could not be measured by all methods, and so counts for none."""

    folder: Path
    name: str
    error: str


@dataclass(frozen=True)
class Pictures:
    """The pixels of a pair and of what was made of it, h w 3, in 0..1."""

    noisy: Image
    truth: Image
    restored: Mapping[str, Image]
    """By the names of the methods."""


Show = Callable[[Measured, Pictures], None]
"""Is shown each pair with its pixels, which it should not keep."""


def run(
    data_sets: Sequence[DataSet],
    methods: Sequence[Method],
    *,
    lpips: Distance | None = None,
    images: RestoredImages | None = None,
    show: Show | None = None,
) -> Iterator[Measured | Failed]:
    """Restore and measure the pairs one by one; one that fails is reported, the next one begun.

    Args:
        data_sets: measured in this order.
        methods: what is measured, side by side.
        lpips: see `scores.measure`.
        images: where restored pictures are saved; None for nowhere.
        show: what is called with each pair that was measured.

    Raises:
        DataError: if two methods have one name.
    """
    names = [method.name for method in methods]
    if len(set(names)) < len(names):
        raise DataError(f"two of the methods {', '.join(names)} have one name: rename a file")
    for data in data_sets:
        for index in range(data.count):
            try:
                yield _measured(data, index, methods, lpips, images, show)
            except (MirnetError, OSError, MemoryError) as error:
                reason = str(error) or "not enough memory"
                yield Failed(data.folder, data.pairs.name(index), reason)


def _measured(
    data: DataSet,
    index: int,
    methods: Sequence[Method],
    lpips: Distance | None,
    images: RestoredImages | None,
    show: Show | None,
) -> Measured:
    name = data.pairs.name(index)
    stored, clean = data.pairs.whole(index)
    pictures = Pictures(pixels.to_float(stored), pixels.to_float(clean), restored := {})
    outcomes = {}
    for method in methods:
        result, seconds = _timed(method, pictures.noisy)
        restored[method.name] = result.image
        outcomes[method.name] = Outcome(
            measure(result.image, pictures.truth, lpips=lpips),
            seconds,
            result.tiles,
            result.tiles_kept,
            _saved(images, data.folder, method, name, result.image, stored.dtype),
        )
    height, width, _ = stored.shape
    scores = measure(pictures.noisy, pictures.truth, lpips=lpips)
    measured = Measured(data.folder, name, height, width, scores, outcomes)
    if show:
        show(measured, pictures)
    return measured


def _timed(method: Method, noisy: Image) -> tuple[MethodResult, float]:
    started = time.perf_counter()
    result = method(noisy)
    return result, time.perf_counter() - started


def _saved(
    images: RestoredImages | None,
    folder: Path,
    method: Method,
    name: str,
    restored: Image,
    dtype: np.dtype[Any],
) -> Path | None:
    return images.save(folder, method.name, name, restored, dtype) if images else None
