"""A `.mnn` file loaded in this process, either in a worker or alone."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import InferenceError, OutOfMemoryError, WeightsError
from mirnet.models.facts import Facts
from mirnet.shapes import Batch, Result

FIRST = 16
"""Side of a module's first batch, or the model's own multiple if that is larger. MNN selects its
convolution algorithms from the first batch and keeps them: without this, a result would depend on
the picture before it. For 16, 8 and 4, the sides at the network's three resolutions, Winograd's
method in squares of 4 costs least by MNN's estimate. With most other sides it uses squares of 6,
whose rounding errors are 100 times larger and which are no faster."""


class MnnModule:
    """A model in float32 on one core.

    Several MNN threads would busy-wait for each other, and are slow if other programs use the
    cores: several modules, each on one core, do not have this problem.

    Args:
        path: as written by `mirnet export --format mnn`: input `noisy`, output `restored`.

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
            except Exception:  # a bare one, whose message says nothing useful
                raise WeightsError(
                    f"{path} cannot be loaded: it is not an MNN model written by "
                    "`mirnet export`, or it is damaged"
                ) from None
            self.statement: str = self._module.get_info().get("bizCode", "")
        facts = Facts.of(self.statement)
        self._first, self._channels = max(FIRST, facts.multiple), facts.in_channels
        self._is_settled = False

    def __call__(self, batch: Batch) -> Result:
        """Run a batch, as specified by `Runtime`."""
        if not self._is_settled:
            self._forward(np.zeros((1, self._channels, self._first, self._first), np.float32))
            self._is_settled = True
        # one by one: in a batch, MNN's results differ slightly from those of a single picture
        return np.concatenate([self._forward(picture[None]) for picture in batch])

    def _forward(self, batch: Batch) -> Result:
        expr = self._expr
        noisy = expr.placeholder(list(batch.shape), expr.NCHW)
        noisy.write(np.ascontiguousarray(batch))
        try:
            outputs = self._module.forward([noisy])
        except Exception as error:
            raise InferenceError(f"MNN failed on {batch.shape}: {error}") from None
        if not outputs or outputs[0] is None:  # MNN reports a lack of memory like this
            raise OutOfMemoryError(f"MNN returned no result for {batch.shape}")
        return np.array(expr.convert(outputs[0], expr.NCHW).read(), dtype=np.float32)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress the banner that MNN prints, bypassing Python, to standard output."""
    if sys.stdout:
        sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # there is no standard output
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
