"""OpenVINO, Intel's runtime: reads its own files and ONNX, with its telemetry disabled."""

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import InferenceError, OutOfMemoryError, WeightsError
from mirnet.models.facts import KEY, Facts, Shape
from mirnet.restoration.runtime import check_shape
from mirnet.shapes import Batch, Result
from mirnet.system import cores

TELEMETRY = "openvino_telemetry"
"""Module with which OpenVINO reports over the network that it was imported."""

NO_MEMORY = ("bad_alloc", "allocate", "out of memory", "could not create a primitive")
"""What the library's messages contain when memory runs out; the last is oneDNN's."""


UNTOUCHED = np.finfo(np.float32).min
"""Value that no result has. Short of memory, OpenVINO silently leaves the last result unchanged."""


@contextmanager
def without_telemetry() -> Iterator[None]:
    """OpenVINO imported inside reports nothing, now or later: it uses its own stub instead."""
    modules: dict[str, Any] = sys.modules
    kept = modules.get(TELEMETRY)
    modules[TELEMETRY] = None  # makes Python raise ImportError
    try:
        yield
    finally:
        del modules[TELEMETRY]
        if kept is not None:
            modules[TELEMETRY] = kept


with without_telemetry():
    import openvino
    from openvino.frontend import FrontEndManager


def precisions() -> tuple[str, ...]:
    """Precisions that this processor computes in: `f32`, and `bf16` if it has instructions for it.

    On other processors OpenVINO accepts bfloat16 too, but is slower with it.
    """
    found = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("bf16", "f32") if "BF16" in found else ("f32",)


class OpenVinoRuntime:
    """An `.xml` file with its `.bin` next to it, or an `.onnx` file, on the CPU.

    Args:
        path: as written by `mirnet export`: one input and one output, b 3 h w.
        threads: threads for one batch; all cores by default.
        precision: `f32`, or `bf16`: about twice as fast where `precisions` has it, and up to about
            two levels of 255 off.

    Raises:
        WeightsError: if the file is no such model.
    """

    name = "openvino"

    def __init__(self, path: Path, *, threads: int | None = None, precision: str = "f32") -> None:
        self._options = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads or cores.threads(),
            "PERFORMANCE_HINT": "LATENCY",  # all threads for one batch
        }
        try:
            self._model: Any = _read(path)
            inputs, outputs = self._model.inputs, self._model.outputs
            if len(inputs) != 1 or len(outputs) != 1 or len(_shape(inputs[0])) != 4:
                raise WeightsError(
                    f"{path}: a restoration model has one input and one output, b 3 h w; this one "
                    f"has {len(inputs)} and {len(outputs)}"
                )
            types = [value.get_element_type().get_type_name() for value in (*inputs, *outputs)]
            if types != ["f32", "f32"]:
                raise WeightsError(
                    f"{path} takes {types[0]} and gives {types[1]}: a restoration model takes and "
                    "gives float32 in 0..1; export it so"
                )
            self._request: Any = self._start()
        except WeightsError:
            raise
        except Exception as error:
            raise WeightsError(
                f"{path} is not a model that OpenVINO can run: {_reason(error)}"
            ) from None
        self._shape = _shape(inputs[0])
        self._lock = threading.Lock()
        self.facts = Facts.of(
            _statement(self._model),
            takes=self._shape,
            gives=_shape(outputs[0]),
            precision=precision,
        )

    def __call__(self, batch: Batch) -> Result:
        if self._model is None:
            raise InferenceError("this runtime was closed")
        check_shape(batch, self._shape)
        with self._lock:  # one batch uses all threads
            return self._infer(batch)

    def _infer(self, batch: Batch) -> Result:
        request, self._request = self._request, None  # after a failure it is unusable
        try:
            request = request or self._start()
            request.get_output_tensor().data[...] = UNTOUCHED
            restored = request.infer({0: batch})[0]
        except Exception as error:
            reason = _reason(error)
            if isinstance(error, MemoryError) or any(part in str(error) for part in NO_MEMORY):
                raise OutOfMemoryError(f"OpenVINO: {reason}") from None
            raise InferenceError(f"OpenVINO failed on {batch.shape}: {reason}") from None
        if (restored == UNTOUCHED).all():
            raise OutOfMemoryError(f"OpenVINO returned no result for {batch.shape}")
        self._request = request
        return np.array(restored, dtype=np.float32)

    def close(self) -> None:
        self._model = self._request = None

    def _start(self) -> Any:  # noqa: ANN401 - the library ships no types
        with _signal_stack_kept():
            return (
                openvino.Core()
                .compile_model(self._model, "CPU", self._options)
                .create_infer_request()
            )


class _SignalStack(ctypes.Structure):
    """`stack_t` on Linux."""

    _fields_ = (
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("size", ctypes.c_size_t),
    )


@contextmanager
def _signal_stack_kept() -> Iterator[None]:
    """Restore the thread's signal stack afterwards.

    OpenVINO sets one of its own, for a type of processor that is not used here, and at the end puts
    back the one it found. With several models at a time that may have been the stack of another
    model, which no longer exists: the next signal, such as Ctrl-C, would then crash the process.
    """
    if sys.platform != "linux":
        yield
        return
    kept, system = _SignalStack(), ctypes.CDLL(None)
    system.sigaltstack(None, ctypes.byref(kept))
    try:
        yield
    finally:
        system.sigaltstack(ctypes.byref(kept), None)


def _read(path: Path) -> Any:  # noqa: ANN401 - the library ships no types
    """Read the model with its suffix's reader; by default OpenVINO tries all, and they print."""
    reader = FrontEndManager().load_by_framework("onnx" if path.suffix.lower() == ".onnx" else "ir")
    return reader.convert(reader.load(str(path)))


def _shape(value: Any) -> Shape:  # noqa: ANN401 - the library ships no types
    """Shape of an input or output; None stands for a side of any length."""
    shape = value.get_partial_shape()
    if shape.rank.is_dynamic:
        return ()
    return [side.get_length() if side.is_static else None for side in shape]


def _statement(model: Any) -> str:  # noqa: ANN401 - the library ships no types
    """The file's statement, from OpenVINO's format or ONNX, where it is one level deeper."""
    for place in ([KEY], ["framework", KEY]):
        if model.has_rt_info(place):
            return str(model.get_rt_info(place).astype(str))
    return ""


def _reason(error: Exception) -> str:
    """The last line of a message: the lines before it give the place in the library."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
