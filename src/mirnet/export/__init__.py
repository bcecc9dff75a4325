"""Models for other runtimes and frameworks, each checked against its source before it stays."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np

from mirnet.errors import WeightsError
from mirnet.export import mnn, onnx
from mirnet.restoration.runtime import Runtime
from mirnet.runtimes.mnn import MnnRuntime
from mirnet.runtimes.onnx import OnnxRuntime
from mirnet.runtimes.pytorch import PyTorchRuntime
from mirnet.weights import checkpoint
from mirnet.weights.checkpoint import Weights

FORMATS = ("onnx", "mnn", "safetensors", "pth", "pdparams")

SIZES = ((1, 64, 64), (1, 20, 36), (2, 32, 48))
"""Batch, height and width of the pictures that every export is checked with."""

TOLERANCE = 2e-3
"""Largest difference to the source in 0..1, on random pictures: half a level of 8 bits."""
HALF_TOLERANCE = 8e-3
"""The same where weights are stored in half precision: two levels."""


def export(
    model: Path, format: str, folder: Path, *, name: str | None = None, half: bool = False
) -> tuple[Path, float]:
    """Write the weights file `model` in another format.

    Args:
        model: any file that `weights.checkpoint.read` takes.
        format: one of `FORMATS`.
        folder: made if missing.
        name: the new file's stem; that of `model` by default.
        half: store weights in half precision (safetensors and mnn). Arithmetic stays float32.

    Returns:
        The file, and its largest difference to the source on random pictures of three sizes.

    Raises:
        WeightsError: if the source holds no weights, the format is unknown, the result would take
            the source's place, cannot be written, or differs from it by more than the tolerance;
            then nothing is left behind.
    """
    if format not in FORMATS:
        raise WeightsError(f"no format {format!r}: choose {', '.join(FORMATS)}")
    if half and format not in ("safetensors", "mnn"):
        raise WeightsError(f"half precision is for safetensors and mnn, not for {format}")
    weights = checkpoint.read(model)
    target = folder / f"{name or model.stem}.{format}"
    if target.exists() and target.samefile(model):
        raise WeightsError(f"{target} is the source itself: choose another folder or name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=folder) as hidden:
            path = Path(hidden) / target.name
            _write(weights, path, format, half=half)
            difference = _difference(weights, path)
            tolerance = HALF_TOLERANCE if half else TOLERANCE
            if not difference <= tolerance:
                raise WeightsError(
                    f"{target.name} differs from {model} by {difference:.1e}, more than "
                    f"{tolerance:.0e}: not written"
                )
            path.replace(target)
    except OSError as error:
        raise WeightsError(
            f"{target} cannot be written ({error.strerror or error}): check folder and space"
        ) from error
    return target, difference


def _write(weights: Weights, path: Path, format: str, *, half: bool) -> None:
    if format == "onnx":
        onnx.write(weights, path)
    elif format == "mnn":
        mnn.write(weights, path, half=half)
    else:
        checkpoint.write(weights, path, half=half)


def _difference(weights: Weights, path: Path) -> float:
    """The largest difference of any value between the network and the file's."""
    channels = weights.configuration.in_channels
    source = PyTorchRuntime.of(weights.network())
    rng = np.random.default_rng(0)
    differences = []
    with contextlib.closing(_open(path)) as runtime:
        for batch, height, width in SIZES:
            noisy = rng.random((batch, channels, height, width), dtype=np.float32)
            differences.append(np.abs(runtime(noisy) - source(noisy)).max())
    return float(np.max(differences))  # NaN if any is


def _open(path: Path) -> Runtime:
    if path.suffix == ".mnn":
        return MnnRuntime(path)
    return OnnxRuntime(path) if path.suffix == ".onnx" else PyTorchRuntime(path)
