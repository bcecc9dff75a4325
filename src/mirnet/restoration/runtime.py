"""What runs a network: one call, a batch in, a batch out.

The seam behind which ONNX Runtime, MNN, PyTorch and whatever comes next are strangers to each
other, and before which nothing knows any of them.
"""

from typing import Protocol, runtime_checkable

from mirnet.shapes import Batch


@runtime_checkable
class Runtime(Protocol):
    """A network that is ready to restore."""

    name: str
    """As `--runtime` takes it."""

    def __call__(self, batch: Batch) -> Batch:
        """Restore a batch: b 3 h w, float32, RGB in 0..1; the result is not clipped.

        Height and width are multiples of `shapes.MULTIPLE`. The result is the caller's own: the
        next call leaves it alone.

        Raises:
            OutOfMemoryError: if the batch is too large for the device; a smaller one may do.
            InferenceError: if the runtime fails otherwise, or was closed.
        """
        ...

    def close(self) -> None:
        """Give memory and device back. May be called twice."""
        ...


@runtime_checkable
class Concurrent(Protocol):
    """What a runtime says besides, if several threads may call it at a time."""

    lanes: int
    """How many calls it works on side by side; further ones wait."""


class EchoRuntime:
    """Returns what it is given. It shows what tiling and blending alone do to a picture."""

    name = "echo"

    def __call__(self, batch: Batch) -> Batch:
        return batch.copy()

    def close(self) -> None:
        pass
