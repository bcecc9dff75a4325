"""MNN, via ONNX and MNN's own converter."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mirnet.errors import WeightsError
from mirnet.export import mnn_sharing, onnx
from mirnet.export.facts import text
from mirnet.models.checkpoint import Weights

# not `MNN.tools.mnnconvert`: importing it installs a logging client that reports each conversion
CONVERT = "import sys, _tools; _tools.mnnconvert(['mnnconvert', *sys.argv[1:]])"


def write(weights: Weights, path: Path, *, half: bool = False) -> None:
    """Write the network for MNN, optionally with weights in half precision.

    Weights that are used several times, like those of the residual context blocks, are stored once.
    The facts are stored in MNN's only text field, the `bizCode`.

    Raises:
        WeightsError: if the converter fails.
    """
    if half:  # the converter would truncate the numbers instead of rounding them
        rounded = {name: tensor.half().float() for name, tensor in weights.tensors.items()}
        weights = replace(weights, tensors=rounded)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, graph = folder / "source.onnx", folder / "graph.mnn"
        onnx.write(weights, source)
        options = ["--saveExternalData", "--bizCode", text(weights), *(["--fp16"] if half else [])]
        _convert("ONNX", source, "--MNNModel", graph, options)
        readable, emptied = folder / "graph.json", folder / "emptied.json"
        _convert("MNN", graph, "--JsonFile", readable)
        beside = (folder / "graph.mnn.weight").read_bytes()
        stand_ins, vectors = mnn_sharing.take_out(readable.read_text("utf-8"), beside)
        emptied.write_text(stand_ins, "utf-8")
        _convert("JSON", emptied, "--MNNModel", folder / "emptied.mnn")
        parts = mnn_sharing.put_back((folder / "emptied.mnn").read_bytes(), vectors)
        with path.open("wb") as file:
            file.writelines(parts)


def _convert(
    format: str, source: Path, kind: str, target: Path, options: Sequence[str] = ()
) -> None:
    # in a separate process: the converter prints, and ends the process when it fails
    files = ["--modelFile", str(source), kind, str(target)]
    done = subprocess.run(
        [sys.executable, "-c", CONVERT, "-f", format, *files, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not target.exists():
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
        raise WeightsError(f"MNN's converter failed: {lines[-1]}")
