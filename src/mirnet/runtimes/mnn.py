"""MNN: the fastest on CPUs (Winograd convolutions), 25 MB installed."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mirnet import cores
from mirnet.errors import InferenceError, OutOfMemoryError, WeightsError
from mirnet.shapes import Batch


class MnnRuntime:
    """A `.mnn` file in float32 on the CPU.

    Args:
        path: as `mirnet export --format mnn` writes it: input `noisy`, output `restored`.
        threads: threads for one batch; all cores by default.

    Raises:
        WeightsError: if the file is no such model.
    """

    name = "mnn"

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        with _silence():
            import MNN
            import MNN.expr

            self._expr = MNN.expr
            manager = MNN.nn.create_runtime_manager(
                (
                    {
                        "backend": "CPU",
                        "numThread": threads or cores.available(),
                        "precision": "high",
                    },
                )
            )
            try:
                self._module: Any = MNN.nn.load_module_from_file(
                    str(path), ["noisy"], ["restored"], runtime_manager=manager
                )
            except Exception:  # a bare one; what it says is of no use
                raise WeightsError(
                    f"{path} cannot be loaded: it is no MNN model from `mirnet export`, or damaged"
                ) from None

    def __call__(self, batch: Batch) -> Batch:
        if self._module is None:
            raise InferenceError("this runtime was closed")
        expr = self._expr
        noisy = expr.placeholder(list(batch.shape), expr.NCHW)
        noisy.write(np.ascontiguousarray(batch))
        try:
            outputs = self._module.forward([noisy])
        except Exception as error:
            raise InferenceError(f"MNN failed on {batch.shape}: {error}") from None
        if not outputs or outputs[0] is None:  # so it says that it wants memory
            raise OutOfMemoryError(f"MNN gave no result for {batch.shape}")
        return np.array(expr.convert(outputs[0], expr.NCHW).read(), dtype=np.float32)

    def close(self) -> None:
        self._module = None


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """MNN greets on standard output, past Python, where our results belong."""
    if sys.stdout:
        sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # no standard output at all
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
