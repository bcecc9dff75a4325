"""A `.mnn` file loaded in this process: what runs in a worker, or alone."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import InferenceError, OutOfMemoryError, WeightsError
from mirnet.models.facts import Facts
from mirnet.shapes import Batch

FIRST = 16
"""Side of what a module sees first, or the model's own multiple where that is more. From its first
batch MNN chooses how it convolves, and keeps to it: without this, what is made of a picture would
depend on the picture before it. For 16, 8 and 4, the sides at the network's three resolutions,
Winograd's method in squares of 4 costs least by MNN's count. With most others squares of 6 come in,
which round 100 times worse and are no faster."""


class MnnModule:
    """A model in float32 on one core.

    Several threads of MNN would wait for each other by spinning, and do badly where other
    programs want the cores: several modules, each on one core, do not.

    Args:
        path: as `mirnet export --format mnn` writes it: input `noisy`, output `restored`.

    Raises:
        WeightsError: if the file is no such model.
    """

    def __init__(self, path: Path) -> None:
        with _silence():
            import MNN
            import MNN.expr

            self._expr = MNN.expr
            manager = MNN.nn.create_runtime_manager(
                ({"backend": "CPU", "numThread": 1, "precision": "high"},)
            )
            try:
                self._module: Any = MNN.nn.load_module_from_file(
                    str(path), ["noisy"], ["restored"], runtime_manager=manager
                )
            except Exception:  # a bare one; what it says is of no use
                raise WeightsError(
                    f"{path} cannot be loaded: it is no MNN model from `mirnet export`, or damaged"
                ) from None
            self.statement: str = self._module.get_info().get("bizCode", "")
        facts = Facts.of(self.statement)
        self._first, self._channels = max(FIRST, facts.multiple), facts.in_channels
        self._is_settled = False

    def __call__(self, batch: Batch) -> Batch:
        """As `Runtime` has it."""
        if not self._is_settled:
            self._forward(np.zeros((1, self._channels, self._first, self._first), np.float32))
            self._is_settled = True
        # one by one: in a batch, MNN computes a picture a little differently than alone
        return np.concatenate([self._forward(picture[None]) for picture in batch])

    def _forward(self, batch: Batch) -> Batch:
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
