"""Size of every exported file, and its largest difference to PyTorch, as `mirnet export` says them.

    python benchmarks/formats.py [--model denoise small] [--format onnx mnn ...]

A model is a name of the catalogue, a preset, which gets random weights, or a file.
"""

import argparse
import tempfile
from pathlib import Path

import random_model

from mirnet import export

FORMATS = ("onnx", "openvino", "mnn", "safetensors", "pth", "pdparams")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="*", default=random_model.DEFAULT)
    parser.add_argument("--format", nargs="*", choices=FORMATS, default=FORMATS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.model:
            source = random_model.find(model, Path(folder))
            print(f"{source.stem:18}  {'MB':>5}  difference")
            for half in (False, True):
                for format in arguments.format:
                    if half and format not in export.HALF:
                        continue
                    row(source, format, Path(folder) / "exported", half=half)


def row(source: Path, format: str, folder: Path, *, half: bool) -> None:
    path, difference = export.export(source, format, folder, half=half)
    megabytes = sum(file.stat().st_size for file in export.files(path)) / 1e6
    name = f"{format} --half" if half else format
    print(f"{name:18}  {megabytes:5.2f}  {difference:.1e}", flush=True)


if __name__ == "__main__":
    main()
