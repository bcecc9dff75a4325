"""MNN, by way of ONNX and MNN's own converter."""

import subprocess
import sys
import tempfile
from pathlib import Path

from mirnet.errors import WeightsError
from mirnet.export import onnx
from mirnet.export.facts import text
from mirnet.weights.checkpoint import Weights

# not `MNN.tools.mnnconvert`: importing that installs a logging client and reports each conversion
CONVERT = "import sys, _tools; _tools.mnnconvert(['mnnconvert', *sys.argv[1:]])"


def write(weights: Weights, path: Path, *, half: bool = False) -> None:
    """Write the network for MNN, weights in half precision if wanted.

    The converter stores weights once for each use, so the shared residual context blocks double
    the file. The facts stand where MNN has room for one text, in the `bizCode`.

    Raises:
        WeightsError: if the converter fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "model.onnx"
        onnx.write(weights, source)
        files = ["--modelFile", str(source), "--MNNModel", str(path)]
        options = ["--bizCode", text(weights), *(["--fp16"] if half else [])]
        # a process of its own: the converter prints, and ends the process when it fails
        done = subprocess.run(
            [sys.executable, "-c", CONVERT, "-f", "ONNX", *files, *options],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or not path.exists():
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
        raise WeightsError(f"MNN's converter failed: {lines[-1]}")
