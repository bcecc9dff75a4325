"""A method that is measured: a way to restore pictures, by a model or a baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from mirnet.errors import DataError
from mirnet.models import catalog, identity
from mirnet.restoration.restorer import VIEWS, Restorer
from mirnet.shapes import Image

INPUT = "input"
"""Name of the unrestored noisy picture, which is always measured."""

MethodFacts = Mapping[str, str | int | float | None]


@dataclass(frozen=True)
class MethodResult:
    """The result of a method for a noisy picture."""

    image: Image
    """h w 3, in 0..1, not rounded, of the method's scale."""
    tiles: int | None = None
    """Number of tiles, if it was restored in tiles."""
    tiles_kept: int | None = None
    """Tiles that were left unchanged, since the network's output was not a valid picture."""


@runtime_checkable
class Method(Protocol):
    """A way to restore a picture."""

    @property
    def name(self) -> str:
        """Short name, unique within a run."""
        ...

    @property
    def facts(self) -> MethodFacts:
        """Description of the method: kind, file, runtime, parameters, strength and the like."""
        ...

    @property
    def scale(self) -> int:
        """Ratio of a result's height and width to the noisy picture's."""
        ...

    @property
    def views(self) -> int:
        """Number of noisy pictures it takes: 2 for those of a dual-pixel sensor, otherwise 1."""
        ...

    def __call__(self, noisy: Image) -> MethodResult:
        """Restore a picture, h w 3, or h w 6 for two views, in 0..1.

        Raises:
            MirnetError: if it cannot.
        """
        ...


class ModelMethod:
    """A model, as `mirnet restore` runs it or, with `Restorer.whole`, on whole pictures.

    Args:
        name: see `Method`.
        model: name in the catalogue, or path of the file.
        restorer: the opened model.

    Raises:
        WeightsError, OSError: if there is no such file, or it cannot be read.
    """

    def __init__(self, name: str, model: str, restorer: Restorer) -> None:
        path = catalog.file(model)
        self.name = name
        self.scale = restorer.facts.scale
        self.views = 2 if restorer.facts.in_channels == VIEWS else 1
        self.facts: MethodFacts = {
            "kind": "model",
            "model": model,
            "parameters": restorer.facts.parameters,
            "sha256": identity.digest(path),
            "runtime": restorer.runtime.name,
            "precision": restorer.facts.precision,
            **restorer.tiling,
            "strength": restorer.strength,
            "self_ensemble": restorer.self_ensemble,
        }
        self._restorer = restorer

    def __call__(self, noisy: Image) -> MethodResult:
        views = [noisy[..., :3].copy(), noisy[..., 3:].copy()] if self.views == 2 else [noisy]
        restored = self._restorer.restore(*views)
        return MethodResult(restored.image(), restored.tally.tiles, restored.tally.kept)


def short_names(models: Sequence[str]) -> list[str]:
    """A name for each model: the stem of its file, or the full text given if stems are equal.

    Raises:
        DataError: if a model is given twice.

    >>> short_names(["denoise", "runs/a/best.ckpt", "runs/b/best.ckpt"])
    ['denoise', 'runs/a/best.ckpt', 'runs/b/best.ckpt']
    >>> short_names(["models/mine.onnx"])
    ['mine']
    """
    for index, model in enumerate(models):
        if model in models[:index]:
            raise DataError(f"{model} is given twice")
    stems = [Path(model).stem for model in models]
    taken = [INPUT, *stems, *models]
    return [
        # a name without a suffix equals its own stem
        stem if taken.count(stem) == 1 + (stem == model) else model
        for stem, model in zip(stems, models, strict=True)
    ]


def common_scale(methods: Sequence[Method]) -> int:
    """The scale of all methods, 1 if there are none.

    Raises:
        DataError: if they differ.
    """
    scales = {method.scale: method.name for method in methods}
    if len(scales) > 1:
        (one, first), (other, second), *_ = scales.items()
        raise DataError(
            f"{first} enlarges {one} times and {second} {other} times: measure them one at a time"
        )
    return next(iter(scales), 1)


def common_views(methods: Sequence[Method]) -> int:
    """The number of views that all methods take, 1 if there are none.

    Raises:
        DataError: if they differ.
    """
    views = {method.views: method.name for method in methods}
    if len(views) > 1:
        raise DataError(
            f"{views[2]} takes two views of a picture, and {views[1]} one: measure them one at a "
            "time"
        )
    return next(iter(views), 1)
