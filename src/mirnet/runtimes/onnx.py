"""ONNX Runtime: runs everywhere."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from mirnet.errors import InferenceError, OutOfMemoryError, WeightsError
from mirnet.shapes import Batch


class OnnxRuntime:
    """An `.onnx` file in float32 on the CPU.

    Args:
        path: as `mirnet export --format onnx` writes it: one input and one output, b 3 h w.
        threads: threads for one batch; all physical cores by default.

    Raises:
        WeightsError: if the file is no such model.
    """

    name = "onnx"

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors are not printed: they are raised as well
        options.intra_op_num_threads = threads or 0
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # each failure has a class of its own in a private module
            reason = str(error).partition("\n")[0]
            raise WeightsError(f"{path} is not an ONNX model that can be run: {reason}") from None
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4:
            raise WeightsError(
                f"{path}: a restoration model has one input and one output, b 3 h w; this one has "
                f"{len(inputs)} and {len(outputs)}"
            )
        self._input = inputs[0].name

    def __call__(self, batch: Batch) -> Batch:
        if self._session is None:
            raise InferenceError("this runtime was closed")
        try:
            (restored,) = self._session.run(None, {self._input: batch})
        except Exception as error:
            reason = str(error).partition("\n")[0]
            if "allocate memory" in reason or "bad_alloc" in reason:
                raise OutOfMemoryError(f"ONNX Runtime: {reason}") from None
            raise InferenceError(f"ONNX Runtime failed on {batch.shape}: {reason}") from None
        return np.asarray(restored, dtype=np.float32)

    def close(self) -> None:
        self._session = None
