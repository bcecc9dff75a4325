"""What measuring costs: each figure of a pair, and a run over blocks as SIDD has them.

    python benchmarks/evaluation.py [--limit N] [--scenes 40] [--model denoise]

Milliseconds a picture for each figure, on one 256x256 pair, one thread, medians; beside them the
network. Then the whole process of `mirnet evaluate` over two .mat files of
SIDD's shape, 40 x 32 x 256 x 256 x 3: time and peak memory. The blocks are cut from scikit-image's
photographs, with noise; SIDD itself is not needed.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import photographs
import process
import turns
from scipy.io import savemat

import mirnet
from mirnet import metrics
from mirnet.evaluation.scores import measure
from mirnet.shapes import Image

SHAPE = (40, 32, 256, 256, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=SHAPE[0] * SHAPE[1], help="blocks measured")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default="denoise")
    parser.add_argument("--scenes", type=int, default=SHAPE[0], help="in the files")
    parser.add_argument("--rounds", type=int, default=15, help="of each figure")
    arguments = parser.parse_args()
    noisy, clean = blocks(arguments.scenes)
    one, truth = (each[0, 0].astype(np.float32) / np.float32(255) for each in (noisy, clean))
    print_times(arguments.model, one, truth, arguments.rounds)
    with tempfile.TemporaryDirectory() as folder:
        for name, half in (("Noisy", noisy), ("Gt", clean)):
            variable = f"Validation{name}BlocksSrgb"
            savemat(Path(folder) / f"{variable}.mat", {variable: half})
        del noisy, clean, half
        options = [
            "--model",
            arguments.model,
            "--limit",
            str(arguments.limit),
            "--threads",
            str(arguments.threads),
        ]
        cost = process.run([sys.executable, "-m", "mirnet", "evaluate", folder, *options])
    print(
        f"{arguments.limit} blocks: {cost.seconds:.0f} s, "
        f"{1000 * cost.seconds / arguments.limit:.0f} ms a block, peak {cost.peak_mb:.0f} MB"
    )


def blocks(scenes: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy and clean, of SIDD's shape but for the number of scenes, uint8."""
    shape = (scenes, *SHAPE[1:])
    rng = np.random.default_rng(0)
    pictures = list(photographs.whole().values())
    clean = np.empty(shape, np.uint8)
    noisy = np.empty(shape, np.uint8)
    for index in np.ndindex(shape[:2]):
        photograph = pictures[sum(index) % len(pictures)]
        top, left = (int(rng.integers(side - 255)) for side in photograph.shape[:2])
        clean[index] = photograph[top : top + 256, left : left + 256]
        noise = rng.normal(0, 18, shape[2:])
        noisy[index] = np.rint((clean[index] + noise).clip(0, 255))
    return noisy, clean


def print_times(model: str, noisy: Image, truth: Image, rounds: int) -> None:
    pair = (noisy, truth)
    with mirnet.load(model, threads=1) as restorer:
        steps: dict[str, Callable[[], object]] = {
            "PSNR": lambda: metrics.psnr(*pair, data_range=1.0),
            "SSIM": lambda: metrics.ssim(*pair, data_range=1.0),
            "SSIM-Y": lambda: metrics.ssim_y(*pair, data_range=1.0),
            "SSIM-vol": lambda: metrics.ssim_volume(*pair, data_range=1.0),
            "noise": lambda: metrics.noise_level(noisy, data_range=1.0),
            "all figures": lambda: measure(*pair),
            "network": lambda: restorer(noisy),
        }
        for name, seconds in turns.median_seconds(steps, rounds).items():
            print(f"{name:12} {1000 * seconds:7.1f} ms a picture")


if __name__ == "__main__":
    main()
