"""Time of one tile in every runtime, in turns, and the largest difference to PyTorch.

    python benchmarks/runtimes.py [--model denoise small] [--sizes 192 256] [--threads 1]
        [--rounds 7] [--runtime mnn ...]

A model is a name of the catalogue, a preset, which gets random weights, or a file. Medians; the
model is loaded and warm. PyTorch is always among the runtimes.
OpenVINO reads its own file; `onnx --half` is ONNX Runtime on weights in half precision.
"""

import argparse
import functools
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import random_model
import turns

from mirnet import export, runtimes
from mirnet.restoration.runtime import Runtime

FILES = {"mnn": "mnn", "openvino": "openvino", "onnx": "onnx", "pytorch": "safetensors"}
"""Runtimes, and the format that each reads."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="*", default=random_model.DEFAULT)
    parser.add_argument("--runtime", nargs="*", choices=FILES, default=list(FILES))
    parser.add_argument("--sizes", nargs="*", type=int, default=[192, 256])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.model:
            source = random_model.find(model, Path(folder))
            names = dict.fromkeys([*arguments.runtime, "pytorch"])
            opened = load(source, Path(folder) / "exported", names, arguments.threads)
            for size in arguments.sizes:
                measure(f"{source.stem}, {size}x{size}", opened, size, arguments.rounds)


def load(source: Path, folder: Path, names: Iterable[str], threads: int) -> dict[str, Runtime]:
    opened = {}
    for name in names:
        path, _ = export.export(source, FILES[name], folder)
        opened[name] = runtimes.open(path, runtime=name, device="cpu", threads=threads)
    if "onnx" in opened:
        path, _ = export.export(source, "onnx", folder, name="half", half=True)
        opened["onnx --half"] = runtimes.open(path, runtime="onnx", device="cpu", threads=threads)
    return opened


def measure(title: str, opened: dict[str, Runtime], size: int, rounds: int) -> None:
    tile = np.random.default_rng(0).random((1, 3, size, size), dtype=np.float32)
    expected = opened["pytorch"](tile)
    differences = {name: np.abs(run(tile) - expected).max() for name, run in opened.items()}
    steps = {name: functools.partial(run, tile) for name, run in opened.items()}
    seconds = turns.median_seconds(steps, rounds)
    print(f"{title:18}     ms  difference")
    for name in opened:
        median = 1e3 * seconds[name]
        print(f"{name:18}  {median:5.0f}  {differences[name]:.1e}", flush=True)


if __name__ == "__main__":
    main()
