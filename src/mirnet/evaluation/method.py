"""A way to restore pictures that is measured, beside others: a model, or a baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from mirnet.errors import DataError
from mirnet.models import catalog, identity
from mirnet.restoration.restorer import Restorer
from mirnet.shapes import Image

INPUT = "input"
"""The name of doing nothing: the noisy picture as it is, which is measured always."""

MethodFacts = Mapping[str, str | int | float | None]


@dataclass(frozen=True)
class MethodResult:
    """What a method made of a noisy picture."""

    image: Image
    """h w 3, in 0..1, not rounded."""
    tiles: int | None = None
    """In how many pieces, where it was restored so."""
    tiles_kept: int | None = None
    """Tiles that were left as they are, since the network's result made no sense."""


@runtime_checkable
class Method(Protocol):
    """A way to restore a picture."""

    @property
    def name(self) -> str:
        """Short, and another one for each method of a run."""
        ...

    @property
    def facts(self) -> MethodFacts:
        """What it is: its kind, file, runtime, parameters, strength and the like."""
        ...

    def __call__(self, noisy: Image) -> MethodResult:
        """Restore h w 3, in 0..1.

        Raises:
            MirnetError: if it cannot.
        """
        ...


class ModelMethod:
    """A model, tile by tile, as `mirnet restore` runs it.

    Args:
        name: see `Method`.
        model: of the catalogue, or its file.
        restorer: the model, opened.

    Raises:
        WeightsError, OSError: if there is no such file, or it cannot be read.
    """

    def __init__(self, name: str, model: str, restorer: Restorer) -> None:
        path = catalog.file(model)
        self.name = name
        self.facts: MethodFacts = {
            "kind": "model",
            "model": model,
            "parameters": restorer.facts.parameters,
            "sha256": identity.digest(path),
            "runtime": restorer.runtime.name,
            "precision": restorer.facts.precision,
            "tile": restorer.tile,
            "overlap": restorer.overlap,
            "strength": restorer.strength,
            "self_ensemble": restorer.self_ensemble,
        }
        self._restorer = restorer

    def __call__(self, noisy: Image) -> MethodResult:
        restored = self._restorer.restore(noisy)
        return MethodResult(restored.image(), restored.tally.tiles, restored.tally.kept)


def short_names(models: Sequence[str]) -> list[str]:
    """A name for each model: its file's stem, or all that was given where two would be alike.

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
        # a name without a suffix is its own stem
        stem if taken.count(stem) == 1 + (stem == model) else model
        for stem, model in zip(stems, models, strict=True)
    ]
