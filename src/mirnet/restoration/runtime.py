"""The interface of a runtime, which runs a network: one call, a batch in, a batch out.

ONNX Runtime, MNN, PyTorch and the others are implementations of this interface. They know nothing
of each other, and no caller knows which one it has.
"""

import warnings
from typing import Protocol, runtime_checkable

from mirnet.errors import InferenceError
from mirnet.models.facts import Facts, Shape
from mirnet.shapes import Batch, Result

__all__ = ["EchoRuntime", "Facts", "Runtime", "check_shape", "facts_of"]


@runtime_checkable
class Runtime(Protocol):
    """A network that is ready to restore."""

    name: str
    """The name that `--runtime` takes."""

    facts: Facts
    """What the model declares."""

    def __call__(self, batch: Batch) -> Result:
        """Restore a batch: b c h w, float32, in 0..1, RGB where c is 3; the result is not clipped.

        Channels, height and width are as `facts` states them. The result belongs to the caller: the
        next call does not overwrite it. Several threads may call at the same time.

        Raises:
            OutOfMemoryError: if the batch is too large for the device; a smaller one may do.
            InferenceError: if the runtime fails otherwise, or was closed.
        """
        ...

    def close(self) -> None:
        """Release memory and device. May be called twice."""
        ...


def facts_of(runtime: Runtime) -> Facts:
    """The facts a runtime declares; the paper's for a third-party one that declares none."""
    facts = getattr(runtime, "facts", None)
    if isinstance(facts, Facts):
        return facts
    size = getattr(runtime, "size", None)
    if size is not None:
        warnings.warn(
            "a runtime's `size` is now part of its `facts`: Facts(size=(height, width))",
            DeprecationWarning,
            stacklevel=3,
        )
    return Facts(size=size)


def check_shape(batch: Batch, shape: Shape) -> None:
    """Refuse a batch that does not fit a model whose input has this fixed shape.

    Raises:
        InferenceError: if a number differs; None stands for any, and so does a size not fixed.
    """
    if not shape or None in shape[2:]:
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
    """Returns its input, each pixel repeated if its facts have a scale.

    It shows what tiling and blending alone do to a picture.
    """

    name = "echo"
    facts = Facts()

    def __init__(self, facts: Facts | None = None) -> None:
        if facts:
            self.facts = facts

    def __call__(self, batch: Batch) -> Result:
        scale = self.facts.scale
        return batch.repeat(scale, 2).repeat(scale, 3)

    def close(self) -> None:
        pass
