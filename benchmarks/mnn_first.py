"""Accuracy, time and memory of MNN after first batches of several sizes.

    python benchmarks/mnn_first.py [--model denoise small] [--first 8 16 32 48 64 192]
        [--sizes 48 128 192 256] [--rounds 7]

From its first batch MNN chooses how it convolves. For each model, which is a name of the catalogue,
a preset, which gets random weights, or a file: the largest differences to PyTorch on random pixels;
the processor's time for a tile of 192 on one core, in turns, medians (of time that other programs
take, little counts); the peak memory of a process that restores one such tile.
"""

import argparse
import functools
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import process
import random_model
import turns

from mirnet import export
from mirnet.runtimes import mnn_module
from mirnet.runtimes.mnn_module import MnnModule
from mirnet.runtimes.pytorch import PyTorchRuntime
from mirnet.shapes import Batch

TILE = 192

ALONE = f"""
import sys
from pathlib import Path
import numpy as np
from mirnet.runtimes import mnn_module
mnn_module.FIRST = int(sys.argv[2])
mnn_module.MnnModule(Path(sys.argv[1]))(np.zeros((1, 3, {TILE}, {TILE}), np.float32))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="*", default=random_model.DEFAULT)
    parser.add_argument("--first", nargs="*", type=int, default=[8, 16, 32, 48, 64, 192])
    parser.add_argument("--sizes", nargs="*", type=int, default=[48, 128, 192, 256])
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.model:
            source = random_model.find(model, Path(folder))
            path, _ = export.export(source, "mnn", Path(folder) / "exported")
            reference = PyTorchRuntime(source, threads=1)
            expected = {size: reference(noise(size)) for size in arguments.sizes}
            columns = "".join(f"{f'{size}x{size}':>10}" for size in arguments.sizes)
            print(f"{source.stem:8}{columns}     ms   MB")
            measure(path, expected, arguments.first, arguments.rounds)


def measure(path: Path, expected: dict[int, Batch], firsts: list[int], rounds: int) -> None:
    opened = {first: settled(path, first) for first in firsts}
    tile = noise(TILE)
    steps = {first: functools.partial(module, tile) for first, module in opened.items()}
    seconds = turns.median_seconds(steps, rounds, time.process_time)
    for first, module in opened.items():
        differences = [np.abs(module(noise(size)) - y).max() for size, y in expected.items()]
        columns = "".join(f"{difference:10.1e}" for difference in differences)
        median = 1e3 * seconds[first]
        peak = process.run([sys.executable, "-c", ALONE, str(path), str(first)]).peak_mb
        print(f"{first:8}{columns}  {median:5.0f}  {peak:3.0f}", flush=True)


def settled(path: Path, first: int) -> MnnModule:
    """A module that has seen a batch of this side first."""
    mnn_module.FIRST = first
    module = MnnModule(path)
    module(noise(TILE))
    return module


def noise(side: int) -> Batch:
    return np.random.default_rng(0).random((1, 3, side, side), dtype=np.float32)


if __name__ == "__main__":
    main()
