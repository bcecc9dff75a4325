"""Size of every exported file, and its largest difference to PyTorch, as `mirnet export` says them.

    python benchmarks/formats.py

For the bundled model, and `small` with random weights.
"""

import argparse
import tempfile
from pathlib import Path

import random_model

from mirnet import export

FORMATS = ("onnx", "openvino", "mnn", "safetensors", "pth", "pdparams")


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for source in random_model.beside_bundled(Path(folder)):
            print(f"{source.stem:18}  {'MB':>5}  difference")
            for half in (False, True):
                for format in export.HALF if half else FORMATS:
                    row(source, format, Path(folder) / "exported", half=half)


def row(source: Path, format: str, folder: Path, *, half: bool) -> None:
    path, difference = export.export(source, format, folder, half=half)
    megabytes = sum(file.stat().st_size for file in export.files(path)) / 1e6
    name = f"{format} --half" if half else format
    print(f"{name:18}  {megabytes:5.2f}  {difference:.1e}", flush=True)


if __name__ == "__main__":
    main()
