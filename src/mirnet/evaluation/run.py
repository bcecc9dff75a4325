"""Measure methods over data sets, pair by pair: memory holds one pair, whatever their number."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import DataError, MirnetError
from mirnet.evaluation.method import Method, MethodResult
from mirnet.evaluation.restored_images import RestoredImages
from mirnet.evaluation.scores import Distance, Scores, measure
from mirnet.evaluation.sets import DataSet
from mirnet.pairs.pairs import as_one
from mirnet.pictures import pixels
from mirnet.shapes import Image


@dataclass(frozen=True)
class Outcome:
    """The result of a method for the noisy picture of a pair."""

    scores: Scores
    seconds: float
    """Time of restoration alone."""
    tiles: int | None
    tiles_kept: int | None
    """See `method.MethodResult`."""
    image: Path | None
    """Path of the saved restored picture."""


@dataclass(frozen=True)
class Measured:
    """A pair that was restored by all methods and measured."""

    folder: Path
    """Folder of the data set."""
    name: str
    height: int
    width: int
    """Size of the noisy picture."""
    input: Scores
    """Scores of the unrestored noisy picture; if it is smaller than the truth, with its pixels
    repeated; of two views, their mean."""
    outcomes: Mapping[str, Outcome]
    """Outcomes by the names of the methods, in their order."""


@dataclass(frozen=True)
class Failed:
    """A pair that failed for at least one method, and is excluded for all of them."""

    folder: Path
    name: str
    error: str


@dataclass(frozen=True)
class Pictures:
    """The pixels of a pair and of its restored pictures, h w 3, in 0..1."""

    noisy: Image
    """With its pixels repeated if it is smaller than the truth; of two views, their mean."""
    truth: Image
    restored: Mapping[str, Image]
    """Restored pictures by the names of the methods."""


Show = Callable[[Measured, Pictures], None]
"""Called with each pair and its pixels, which it should not keep."""


def run(
    data_sets: Sequence[DataSet],
    methods: Sequence[Method],
    *,
    lpips: Distance | None = None,
    images: RestoredImages | None = None,
    show: Show | None = None,
    shave: int = 0,
    match_light: bool = False,
) -> Iterator[Measured | Failed]:
    """Restore and measure the pairs one by one; a failed pair is reported, and the run continues.

    Args:
        data_sets: measured in this order.
        methods: the methods to measure, each on every pair.
        lpips: see `scores.measure`.
        images: where restored pictures are saved; None to save none.
        show: called with each measured pair.
        shave: see `scores.measure`.
        match_light: see `scores.measure`.

    Raises:
        DataError: if two methods have one name.
    """
    names = [method.name for method in methods]
    if len(set(names)) < len(names):
        raise DataError(f"two of the methods {', '.join(names)} have the same name: rename a file")
    score = partial(measure, lpips=lpips, shave=shave, match_light=match_light)
    for data in data_sets:
        for index in range(data.count):
            try:
                yield _measured(data, index, methods, score, images, show)
            except (MirnetError, OSError, MemoryError) as error:
                reason = str(error) or "not enough memory"
                yield Failed(data.folder, data.pairs.name(index), reason)


def _measured(
    data: DataSet,
    index: int,
    methods: Sequence[Method],
    measure: Callable[..., Scores],
    images: RestoredImages | None,
    show: Show | None,
) -> Measured:
    name = data.pairs.name(index)
    stored, clean = data.pairs.whole(index)
    noisy, scale = pixels.to_float(stored), len(clean) // len(stored)
    one = as_one(noisy)
    shown = one.repeat(scale, 0).repeat(scale, 1) if scale > 1 else one
    score = partial(measure, is_dual=stored.shape[2] > 3)
    pictures = Pictures(shown, pixels.to_float(clean), restored := {})
    outcomes = {}
    for method in methods:
        result, seconds = _timed(method, noisy)
        restored[method.name] = result.image
        outcomes[method.name] = Outcome(
            score(result.image, pictures.truth),
            seconds,
            result.tiles,
            result.tiles_kept,
            _saved(images, data.folder, method, name, result.image, stored.dtype),
        )
    height, width, _ = stored.shape
    scores = score(pictures.noisy, pictures.truth)
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
