"""ONNX Runtime: runs everywhere, and on accelerators with its other packages; no telemetry."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import InferenceError, OutOfMemoryError, RuntimeMissingError, WeightsError
from mirnet.models.facts import KEY, Facts, Shape
from mirnet.restoration.runtime import check_shape
from mirnet.shapes import Batch, Result

# read on import: without it, ONNX Runtime reports over the network what it loads
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
"""ONNX Runtime's names of the devices."""

PACKAGES = {
    "cuda": 'pip install "onnxruntime-gpu"',
    "tensorrt": 'pip install "onnxruntime-gpu" and TensorRT',
    "coreml": 'pip install "onnxruntime" on macOS',
    "directml": 'pip install "onnxruntime-directml" on Windows',
}
"""Packages that contain the providers."""


FLOAT = "tensor(float)"
"""ONNX Runtime's name of float32."""


def reaches(device: str) -> bool:
    """Whether the installed package has the device's provider."""
    return PROVIDERS[device] in onnxruntime.get_available_providers()


class OnnxRuntime:
    """An `.onnx` file, on the CPU in float32 or on an accelerator in its own precision.

    Args:
        path: as written by `mirnet export --format onnx`: one input and one output, b 3 h w.
        device: one of `PROVIDERS`. The CPU runs what an accelerator does not support.
        threads: CPU threads for one batch; all physical cores by default.

    Raises:
        RuntimeMissingError: if the package has not the device, or the device does not start.
        InferenceError: if the device cannot load the file.
        WeightsError: if the file is no such model.
    """

    name = "onnx"

    def __init__(self, path: Path, *, device: str = "cpu", threads: int | None = None) -> None:
        if not reaches(device):
            raise RuntimeMissingError(
                f"the installed ONNX Runtime does not run on {device}: {PACKAGES[device]}"
            )
        provider = PROVIDERS[device]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors are raised, so they are not printed as well
        options.intra_op_num_threads = threads or 0
        options.enable_mem_pattern = device != "directml"  # not supported there
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), options, providers=list(dict.fromkeys([provider, PROVIDERS["cpu"]]))
            )
        except Exception as error:  # each failure has its own class in a private module
            reason = str(error).partition("\n")[0]
            if device != "cpu":  # the file may be valid, but unsupported by the device
                raise InferenceError(f"{path} cannot be loaded on {device}: {reason}") from None
            raise WeightsError(f"{path} is not an ONNX model that can be run: {reason}") from None
        if provider not in self._session.get_providers():  # it silently falls back to the CPU
            raise RuntimeMissingError(
                f"ONNX Runtime could not start {device}: check its drivers and libraries"
            )
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4:
            raise WeightsError(
                f"{path}: a restoration model has one input and one output, b 3 h w; this one has "
                f"{len(inputs)} and {len(outputs)}"
            )
        if inputs[0].type != FLOAT or outputs[0].type != FLOAT:
            raise WeightsError(
                f"{path} takes {inputs[0].type} and gives {outputs[0].type}: a restoration model "
                "takes and gives float32 in 0..1; export it so"
            )
        self._input = inputs[0].name
        self._shape = _shape(inputs[0])
        self.facts = Facts.of(
            self._session.get_modelmeta().custom_metadata_map.get(KEY),
            takes=self._shape,
            gives=_shape(outputs[0]),
        )

    def __call__(self, batch: Batch) -> Result:
        if self._session is None:
            raise InferenceError("this runtime was closed")
        check_shape(batch, self._shape)
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


def _shape(value: Any) -> Shape:  # noqa: ANN401 - the library ships no types
    """Shape of an input or output; a side of any length has a name there, or none."""
    return [side if isinstance(side, int) else None for side in value.shape]
