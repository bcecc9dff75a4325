"""Inference runtimes, independent of each other. `open` finds a model's file and loads it in one.

A runtime's module is imported only when it is chosen, so none needs the packages of another.
"""

import contextlib
import ctypes
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mirnet.errors import MirnetError, RuntimeMissingError, WeightsError
from mirnet.models import catalog
from mirnet.models.facts import Facts
from mirnet.restoration.runtime import Runtime
from mirnet.runtimes import choice, trial, trust
from mirnet.runtimes.choice import Way
from mirnet.system import machine


def _mnn(path: Path, device: str, threads: int | None, precision: str) -> Runtime:
    from mirnet.runtimes.mnn import MnnRuntime

    return MnnRuntime(path, threads=threads)


def _onnx(path: Path, device: str, threads: int | None, precision: str) -> Runtime:
    from mirnet.runtimes.onnx import OnnxRuntime

    return OnnxRuntime(path, device=device, threads=threads)


def _openvino(path: Path, device: str, threads: int | None, precision: str) -> Runtime:
    from mirnet.runtimes.openvino import OpenVinoRuntime

    return OpenVinoRuntime(path, threads=threads, precision=precision)


def _pytorch(path: Path, device: str, threads: int | None, precision: str) -> Runtime:
    from mirnet.runtimes.pytorch import PyTorchRuntime

    return PyTorchRuntime(path, device=device, threads=threads)


def _localised(
    path: Path, device: str, threads: int | None, precision: str, *, local: int
) -> Runtime:
    from mirnet.runtimes.pytorch import PyTorchRuntime

    return PyTorchRuntime(path, device=device, threads=threads, local=local)


def _paddle(path: Path, device: str, threads: int | None, precision: str) -> Runtime:
    from mirnet.runtimes.paddle import PaddleRuntime

    return PaddleRuntime(path, device=device, threads=threads)


@dataclass(frozen=True)
class RuntimeKind:
    """What is known about a runtime before it is imported."""

    package: str
    """Name of the module that must be installed."""
    install: str
    """Argument of `pip install` that installs it."""
    suffixes: tuple[str, ...]
    """Suffixes of the model files it reads, in order of preference."""
    devices: tuple[str, ...]
    load: Callable[[Path, str, int | None, str], Runtime]
    """Loads a file, given the device, threads (None for all cores) and precision."""
    if_asked: tuple[str, ...] = ()
    """Suffixes of files that it reads, too, where it is asked for by name."""


WEIGHTS = ".safetensors"
"""Suffix of files that hold weights and no graph."""

KINDS = {
    "mnn": RuntimeKind("MNN", "MNN", (".mnn",), ("cpu",), _mnn),
    "openvino": RuntimeKind("openvino", "mirnet[openvino]", (".xml", ".onnx"), ("cpu",), _openvino),
    "onnx": RuntimeKind(
        "onnxruntime",
        "mirnet[onnx]",
        (".onnx",),
        ("cpu", "cuda", "tensorrt", "coreml", "directml"),
        _onnx,
    ),
    "pytorch": RuntimeKind(
        "torch",
        "mirnet[train]",
        (WEIGHTS, ".pth", ".pt", ".ckpt", ".pdparams"),
        ("cpu", "cuda"),
        _pytorch,
        (".onnx",),  # ours alone hold weights
    ),
    "paddle": RuntimeKind("paddle", "mirnet[paddle]", (".pdiparams",), ("cpu", "cuda"), _paddle),
}
"""Fastest first on most processors; see `by_speed`."""

DEVICES = ("auto", "cpu", "cuda", "tensorrt", "coreml", "directml")

TRIED = ("mnn", "openvino", "onnx", "paddle")
"""Runtimes that execute whatever graph a file holds. PyTorch runs our own network alone, whose
weights are verified when they are read."""

ON_CUDA = ("pytorch", "onnx", "paddle")
"""Runtimes with CUDA support, in the order in which they are checked for a device."""


PRECISIONS = ("auto", "f32")
"""Precisions that can be requested; `auto` is bfloat16 if that is faster and agrees."""


def by_speed() -> list[str]:
    """Names of `KINDS`, those that are likely fastest on this machine's CPU first.

    MNN leads with AVX2; with AVX-512, OpenVINO does. `choice` measures if it matters.

    MNN leads with AVX2; with AVX-512, OpenVINO does. `choice` measures where it matters.
    """
    names = list(KINDS)
    if "AVX-512" in machine.instruction_sets():
        names.remove("openvino")
        names.insert(0, "openvino")
    return names


def open(
    model: str | Path = catalog.DEFAULT,
    *,
    runtime: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    precision: str = "f32",
    local: int | None = None,
    is_trusted: bool = False,
) -> Runtime:
    """Open a model of the catalogue, or a model file.

    Model files of others are first tried on one tile in a process of their own; see `trial`.

    Args:
        model: a name such as `denoise`, the path of a file that one of the runtimes reads, or the
            address of a pulled model, `hf://owner/name`.
        runtime: `auto` or one of `KINDS`. `auto` takes PyTorch if it sees a CUDA device, then ONNX
            Runtime if it sees one, else the fastest installed one that can read the model, by a
            measurement that is made once; see `choice`.
        device: one of `DEVICES`. `auto` is `cuda` if the runtime sees such a device, else `cpu`.
            Devices other than the CPU must agree with it on a small tile; if they do not, `auto`
            warns and uses the CPU.
        threads: CPU threads; None for one per core.
        precision: one of `PRECISIONS`. With `auto` results differ between machines, by up to about
            two levels of 255.
        local: side of the windows over which the network averages instead of the whole input, for
            PyTorch only; see `models.checkpoint.localised`.
        is_trusted: whether to leave out the trial, for a file that this process has just written.

    Raises:
        RuntimeMissingError: if a package is missing, no runtime has the device, or there is no such
            precision.
        InferenceError: if the device fails, or computes something else than the CPU.
        WeightsError: if there is no such model, the file is not one, or does not pass its trial.
    """
    if runtime not in ("auto", *KINDS):
        raise RuntimeMissingError(f"no runtime {runtime!r}: choose auto, {', '.join(KINDS)}")
    if device not in DEVICES:
        raise RuntimeMissingError(f"no device {device!r}: choose {', '.join(DEVICES)}")
    if precision not in PRECISIONS:
        raise RuntimeMissingError(f"no precision {precision!r}: choose {', '.join(PRECISIONS)}")
    files = _files(model)
    if local is not None:
        if runtime not in ("auto", "pytorch") or _read_by("pytorch", files) is None:
            raise WeightsError(
                f"--local is for weights that PyTorch runs, and {model} is {' '.join(files)} for "
                "another runtime: `mirnet export --local` writes such a model for all of them"
            )
        runtime = "pytorch"
    name = _choose(files, device, str(model)) if runtime == "auto" else runtime
    kind = KINDS[name]
    insist = device != "auto"
    if not insist:
        device = "cuda" if _has_cuda(name) else "cpu"
    if device not in kind.devices:
        raise RuntimeMissingError(f"the runtime {name} does not run on {device}")
    require(name)
    path = _read_by(name, files)
    if path is None:
        raise WeightsError(
            f"the runtime {name} reads {' '.join(kind.suffixes)}, and {model} is "
            f"{' '.join(files)}: convert it with `mirnet export`, or leave out --runtime"
        )
    try:
        way = Way(name, "f32", str(path))
        ways = [way]
        if device == "cpu" and name in choice.TIMED:
            names = [name] if runtime != "auto" else [name, *choice.TIMED]
            ways = _ways(names, files, precision)
        if not is_trusted:
            ways = _passing(ways)
        way = choice.fastest(ways, threads)
        if not is_trusted and (way.runtime, way.path) != (ways[0].runtime, ways[0].path):
            _passing([way])
        kind, path = KINDS[way.runtime], Path(way.path)
        load = partial(_localised, local=local) if local is not None else kind.load
        return trust.trusted(
            lambda place: load(path, place, threads, way.precision), device, insist=insist
        )
    except ImportError as error:
        reason = str(error).partition("\n")[0]
        raise RuntimeMissingError(
            f'the runtime {name} cannot be loaded ({reason}): pip install "{kind.install}"'
        ) from error


def _ways(names: Sequence[str], files: Mapping[str, Path], precision: str) -> list[Way]:
    """The ways in which the installed runtimes can run a model, starting with one in float32."""
    ways: list[Way] = []
    for name in dict.fromkeys(names):
        path = _read_by(name, files)
        if path is None or not _is_installed(KINDS[name]):
            continue
        ways.append(Way(name, "f32", str(path)))
        if precision == "auto" and name == "openvino" and _has_bf16():
            ways.append(Way(name, "bf16", str(path)))
    return ways


def _passing(ways: Sequence[Way]) -> list[Way]:
    """The ways from the first one on that passes a trial; the fastest is tried once it is chosen.

    Raises:
        WeightsError: the first way's reason, if none passes.
    """
    failure: WeightsError | None = None
    for place, way in enumerate(ways):
        if way.runtime not in TRIED:
            return list(ways[place:])
        try:
            trial.check(way.runtime, Path(way.path))
        except WeightsError as error:
            failure = failure or error
        else:
            return list(ways[place:])
    assert failure  # there is at least one way
    raise failure


def _has_bf16() -> bool:
    """Whether OpenVINO can be imported, and the processor has bfloat16 instructions."""
    try:
        from mirnet.runtimes import openvino
    except ImportError:
        return False
    return "bf16" in openvino.precisions()


def _read_by(runtime: str, files: Mapping[str, Path]) -> Path | None:
    """The model file that this runtime reads."""
    kind = KINDS[runtime]
    return next((files[each] for each in (*kind.suffixes, *kind.if_asked) if each in files), None)


def require(name: str) -> None:
    """Make sure that the package of this runtime is installed.

    Raises:
        RuntimeMissingError: if it is not; the message says what to install.
    """
    kind = KINDS[name]
    if not _is_installed(kind):
        raise RuntimeMissingError(
            f'the runtime {name} is not installed: pip install "{kind.install}"'
        )


def files(model: str | Path = catalog.DEFAULT, *, device: str = "auto") -> dict[str, Path]:
    """The file that each installed runtime would read of a model, by runtime, fastest first.

    Args:
        model: as `open` takes it.
        device: as `open` takes it; runtimes that do not have it are left out.

    Raises:
        RuntimeMissingError: if no such runtime is installed, or none has the device.
        WeightsError: if there is no such model, or no runtime reads the file.
    """
    if device not in DEVICES:
        raise RuntimeMissingError(f"no device {device!r}: choose {', '.join(DEVICES)}")
    found = _files(model)
    _choose(found, device, str(model))  # raises if there is none
    return {
        name: path
        for name in _readers(found)
        if (path := _read_by(name, found))
        and _is_installed(KINDS[name])
        and device in ("auto", *KINDS[name].devices)
    }


def facts(model: str | Path = catalog.DEFAULT, *, device: str = "auto") -> Facts:
    """The facts a model declares, read by the first runtime that can open it.

    Args:
        model: as `open` takes it.
        device: as `open` takes it.

    Raises:
        MirnetError: as `open` raises it, of the last runtime, if none can open it.
    """
    failure: MirnetError | None = None
    for name in files(model, device=device):
        try:
            with contextlib.closing(open(model, runtime=name, device="cpu", threads=1)) as opened:
                return opened.facts
        except MirnetError as error:
            failure = error
    assert failure  # `files` returns at least one
    raise failure


def _choose(files: dict[str, Path], device: str, model: str) -> str:
    readers = _readers(files)
    if not readers:
        suffixes = [suffix for kind in KINDS.values() for suffix in kind.suffixes]
        known = " ".join(dict.fromkeys(suffixes))
        given = " ".join(files) or "a file without a suffix"
        raise WeightsError(f"{model}: no runtime reads {given}; known are {known}")
    able = [name for name in readers if device in ("auto", *KINDS[name].devices)]
    if not able:
        raise RuntimeMissingError(f"no runtime runs {model} on {device}: take --device auto")
    if device == "cuda":
        able = [name for name in ON_CUDA if name in able]
    installed = [name for name in able if _is_installed(KINDS[name])]
    if not installed:
        hints = " or ".join(f'pip install "{KINDS[name].install}"' for name in able)
        raise RuntimeMissingError(f"no runtime for {model} on {device} is installed: {hints}")
    if device in ("auto", "cuda"):
        seeing = [name for name in ON_CUDA if name in installed and _has_cuda(name)]
        return (seeing or installed)[0]
    return installed[0]


def _readers(files: dict[str, Path]) -> list[str]:
    """The runtimes that read one of these files, fastest first."""
    return [name for name in by_speed() if not files.keys().isdisjoint(KINDS[name].suffixes)]


def _files(model: str | Path) -> dict[str, Path]:
    """The model's files by suffix."""
    record = catalog.find(str(model))
    if record:
        # PyTorch takes the weights of its own network out of whatever holds them
        return {path.suffix: path for path in record.files()} | {WEIGHTS: record.weights()}
    path = catalog.file(str(model))
    return {path.suffix.lower(): path}


def _is_installed(kind: RuntimeKind) -> bool:
    return importlib.util.find_spec(kind.package) is not None


def _has_cuda(name: str) -> bool:
    """Whether this runtime sees a CUDA device; it is imported only if there is a driver."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    if name not in ON_CUDA or not _is_installed(KINDS[name]):
        return False
    if name == "onnx":
        from mirnet.runtimes import onnx

        return onnx.reaches("cuda")
    if name == "paddle":
        from mirnet.runtimes import paddle

        return paddle.reaches_cuda()
    import torch

    return torch.cuda.is_available()
