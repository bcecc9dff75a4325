"""What runs a network: one call, a batch in, a batch out.

The seam behind which ONNX Runtime, MNN, PyTorch and whatever comes next are strangers to each
other, and before which nothing knows any of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from mirnet.errors import InferenceError
from mirnet.shapes import MULTIPLE, Batch

LARGEST_MULTIPLE = 512
"""Pictures are padded to multiples, so a hostile file must not state any."""


@dataclass(frozen=True)
class Facts:
    """What a model declares of itself, so that its callers need not know."""

    multiple: int = MULTIPLE
    """Height and width of a batch are multiples of this, and tiles begin at multiples of it: the
    network counts its cells from there."""
    precision: str = "f32"
    """What it computes in: `f32`, or `bf16` on processors that have it."""

    @classmethod
    def of(cls, stated: Mapping[str, Any], precision: str = "f32") -> "Facts":
        """What a file states of its model, as far as it makes sense; the paper's for the rest.

        >>> Facts.of({"multiple": 32}).multiple, Facts.of({"multiple": "many"}).multiple
        (32, 4)
        """
        multiple = stated.get("multiple")
        if type(multiple) is not int or not 1 <= multiple <= LARGEST_MULTIPLE:
            multiple = MULTIPLE
        return cls(multiple, precision)


@runtime_checkable
class Runtime(Protocol):
    """A network that is ready to restore."""

    name: str
    """As `--runtime` takes it."""

    def __call__(self, batch: Batch) -> Batch:
        """Restore a batch: b 3 h w, float32, RGB in 0..1; the result is not clipped.

        Height and width are multiples of what the model declares, see `facts_of`. The result is the
        caller's own: the next call leaves it alone.

        Raises:
            OutOfMemoryError: if the batch is too large for the device; a smaller one may do.
            InferenceError: if the runtime fails otherwise, or was closed.
        """
        ...

    def close(self) -> None:
        """Give memory and device back. May be called twice."""
        ...


@runtime_checkable
class Declaring(Protocol):
    """What a runtime says besides, if its model is not as the paper's."""

    facts: Facts


def facts_of(runtime: Runtime) -> Facts:
    """What a runtime's model declares, or what holds for the paper's networks."""
    return runtime.facts if isinstance(runtime, Declaring) else Facts()


@runtime_checkable
class Concurrent(Protocol):
    """What a runtime says besides, if several threads may call it at a time."""

    lanes: int
    """How many calls it works on side by side; further ones wait."""


@runtime_checkable
class FixedSize(Protocol):
    """What a runtime says besides, if there are models that it runs at one size only."""

    size: tuple[int, int] | None
    """Height and width of every batch; None where this model takes any."""


def fixed_size(shape: Sequence[int | None]) -> tuple[int, int] | None:
    """The `size` of a model whose input, b 3 h w, has this shape; None stands for any number.

    >>> fixed_size([1, 3, 192, 256]), fixed_size([None, 3, None, None])
    ((192, 256), None)
    """
    _, _, height, width = shape
    return (height, width) if height and width else None


def check_shape(batch: Batch, shape: Sequence[int | None]) -> None:
    """Refuse a batch that a model of a fixed size, whose input has this shape, does not take.

    Raises:
        InferenceError: if a number differs; None stands for any, and so does a size not fixed.
    """
    if not fixed_size(shape):
        return
    if any(taken not in (None, given) for taken, given in zip(shape, batch.shape, strict=False)):
        taken, given = (
            "x".join("any" if side is None else str(side) for side in sides)
            for sides in (shape, batch.shape)
        )
        raise InferenceError(
            f"this model takes batches of {taken} only, got {given}: pad them, or export it "
            "without a size"
        )


class EchoRuntime:
    """Returns what it is given. It shows what tiling and blending alone do to a picture."""

    name = "echo"

    def __init__(self, facts: Facts = Facts()) -> None:
        self.facts = facts

    def __call__(self, batch: Batch) -> Batch:
        return batch.copy()

    def close(self) -> None:
        pass
