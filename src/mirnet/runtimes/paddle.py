"""Paddle Inference: for deployments based on Paddle; several times slower than the others."""

import json
import os
import re
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import InferenceError, OutOfMemoryError, RuntimeMissingError, WeightsError
from mirnet.models import identity
from mirnet.models.facts import KEY, Facts, Shape
from mirnet.restoration.runtime import check_shape
from mirnet.shapes import Batch, Result
from mirnet.system import cores, root_logger

PROGRAMS = (".json", ".pdmodel")
"""Paddle's suffixes of the program that belongs to a `.pdiparams`: since 3.0, and before."""

DIGEST = "parameters_sha256"
"""Name that `mirnet export` gives the digest of the parameters, among the facts in the program."""

LOG_LEVEL, THREADS = "GLOG_minloglevel", "OMP_NUM_THREADS"
"""Environment variables: Paddle reads the first and sets the second."""

NO_MEMORY = ("ResourceExhausted", "allocate", "bad_alloc", "out of memory")
"""What the library's messages contain when memory runs out."""

TOLD = re.compile(r"\w+Error: |\(\w+\) |\[json")
"""Start of the line of a Paddle message that states the error."""


@contextmanager
def contained() -> Iterator[None]:
    """Undo the side effects of importing Paddle on the process.

    The import warns about requirements for compiling extensions, makes the root logger print, sets
    the number of threads for programs started later, and takes over signals: termination would no
    longer be an interruption, which finishes the current picture.
    """
    kept = {name: os.environ.get(name) for name in (LOG_LEVEL, THREADS)}
    os.environ[LOG_LEVEL] = "3"  # read only once; failures are raised, so they need no log
    try:
        with root_logger.kept(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


with contained():
    import paddle
    from paddle import inference

paddle.disable_signal_handler()  # which also removes Python's own handlers
with suppress(ValueError, TypeError):  # not in the main thread, or not one of Python's handlers
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))


class PaddleRuntime:
    """A `.pdiparams` file with its program next to it, in float32 on the CPU or a CUDA device.

    Args:
        path: as written by `mirnet export --format paddle`, or another Paddle model with one input
            and one output, b 3 h w.
        device: `cpu` or `cuda`.
        threads: CPU threads for one batch; by default the result of `cores.threads`.

    Raises:
        WeightsError: if the file is no such model, or has no program beside it.
        RuntimeMissingError: if it is built without the device.
    """

    name = "paddle"

    def __init__(self, path: Path, *, device: str = "cpu", threads: int | None = None) -> None:
        program = _program(path)
        content = _content(program)
        _check(path, content)
        config = _configuration(program, path, device, threads or cores.threads())
        try:
            self._predictor: Any = inference.create_predictor(config)
        except Exception as error:  # each failure has its own class
            raise WeightsError(
                f"{path} is not a Paddle model that can be run, or is damaged: {reason(error)}"
            ) from None
        inputs, outputs = self._predictor.get_input_names(), self._predictor.get_output_names()
        if len(inputs) != 1 or len(outputs) != 1:
            raise WeightsError(
                f"{path}: a restoration model has one input and one output, b 3 h w; this one has "
                f"{len(inputs)} and {len(outputs)}"
            )
        (self._input,), (self._output,) = inputs, outputs
        self._lock = threading.Lock()
        self._shape, gives = _shapes(program, content)
        self.facts = Facts.of(_statement(content), takes=self._shape, gives=gives)

    def __call__(self, batch: Batch) -> Result:
        if self._predictor is None:
            raise InferenceError("this runtime was closed")
        check_shape(batch, self._shape)
        with self._lock:  # a predictor can be used by one thread at a time
            return self._infer(batch)

    def _infer(self, batch: Batch) -> Result:
        try:
            noisy = self._predictor.get_input_handle(self._input)
            noisy.copy_from_cpu(np.ascontiguousarray(batch))
            self._predictor.run()
            restored = self._predictor.get_output_handle(self._output).copy_to_cpu()
        except Exception as error:
            told = reason(error)
            if isinstance(error, MemoryError) or any(part in str(error) for part in NO_MEMORY):
                raise OutOfMemoryError(f"Paddle: {told}") from None
            raise InferenceError(f"Paddle failed on {batch.shape}: {told}") from None
        return np.asarray(restored, dtype=np.float32)

    def close(self) -> None:
        self._predictor = None


def _configuration(program: Path, path: Path, device: str, threads: int) -> Any:  # noqa: ANN401 - it has no types
    config = inference.Config(str(program), str(path))
    config.disable_glog_info()
    if device == "cuda":
        if not paddle.is_compiled_with_cuda():
            raise RuntimeMissingError(
                "this Paddle has no CUDA: install paddlepaddle-gpu, or take cpu"
            )
        config.enable_use_gpu(256, 0)  # initial MB, which it extends; the first device
        return config
    config.disable_gpu()
    # oneDNN, which is on by default, convolves several times as fast, but with it Paddle 3.3 aborts
    # the process when it fuses LeakyReLU into a convolution (conv_activation_onednn_fuse_pass), and
    # has no bilinear interpolation; with both excluded, it adds features of different layouts so
    # slowly that the whole network takes longer than without
    config.disable_mkldnn()  # the old name, which all versions of Paddle 3 have
    config.set_cpu_math_library_num_threads(threads)
    return config


def _program(path: Path) -> Path:
    """The program that belongs to these parameters.

    Raises:
        WeightsError: if one of them is not there.
    """
    if not path.is_file():
        raise WeightsError(f"{path} does not exist: give the .pdiparams of a Paddle model")
    for suffix in PROGRAMS:
        if (program := path.with_suffix(suffix)).is_file():
            return program
    names = " or ".join(path.with_suffix(suffix).name for suffix in PROGRAMS)
    raise WeightsError(f"{path} has no program beside it, {names}: keep them together")


def _content(program: Path) -> Mapping[str, Any]:
    """A program as JSON, the format since Paddle 3; empty for an older one."""
    if program.suffix != ".json":
        return {}
    try:
        content = json.loads(program.read_bytes())
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _statement(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The model's statement in a program, under a name that Paddle ignores."""
    found = content.get(KEY)
    return found if isinstance(found, dict) else {}


def _shapes(program: Path, content: Mapping[str, Any]) -> tuple[Shape, Shape]:
    """Shapes of input and output, as stored in the program; empty if they cannot be read.

    The predictor does not report them, and accepts sizes for which the program was not recorded.
    """
    try:
        is_json = program.suffix == ".json"
        shapes = _recorded(content) if is_json else _recorded_before(program)
    except (LookupError, TypeError, ValueError):
        return (), ()
    takes, gives = ([side if side > 0 else None for side in shape] for shape in shapes)
    return takes, gives


def _recorded(content: Mapping[str, Any]) -> Sequence[Sequence[int]]:
    """Shapes from JSON: of the results of the feed operation and of the fetch operation."""
    ops = content["program"]["regions"][0]["blocks"][0]["ops"]
    named = {op["#"].partition(".")[2]: op for op in ops}
    return [named[name]["O"][0]["TT"]["D"][1] for name in ("data", "fetch")]


def _recorded_before(program: Path) -> Sequence[Sequence[int]]:
    """The same for a program of Paddle 2."""
    whole = paddle.base.core.ProgramDesc(program.read_bytes())  # must outlive its block
    block = whole.block(0)
    ops = {op.type(): op for op in (block.op(place) for place in range(block.op_size()))}
    names = ops["feed"].output("Out")[0], ops["fetch"].input("X")[0]
    return [block.find_var(name.encode()).shape() for name in names]


def _check(path: Path, content: Mapping[str, Any]) -> None:
    """Check that the parameters belong to the program, if it states their digest.

    Paddle itself accepts truncated parameters, and leaves the rest of them undefined.
    """
    if _statement(content).get(DIGEST) not in (None, identity.digest(path)):
        raise WeightsError(
            f"{path} is not the file that the program beside it was written for, or damaged: "
            "export the model again"
        )


def reaches_cuda() -> bool:
    """Whether this Paddle is built with CUDA and sees a device."""
    return bool(paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count())


def reason(error: Exception) -> str:
    """The line of a message that states the error; the others give the place inside Paddle."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if TOLD.match(line)]
    return (told or lines or [type(error).__name__])[0]
