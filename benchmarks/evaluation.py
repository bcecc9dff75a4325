"""What measuring costs: each figure of a pair, and a run over blocks as SIDD has them.

    python benchmarks/evaluation.py [--limit N]

Milliseconds a picture for each figure, on one 256x256 pair, one thread, medians; beside them the
network of the model `denoise`. Then the whole process of `mirnet evaluate` over two .mat files of
SIDD's shape, 40 x 32 x 256 x 256 x 3: time and peak memory. The blocks are cut from scikit-image's
photographs, with noise; SIDD itself is not needed.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import process
from scipy.io import savemat
from skimage import data

import mirnet
from mirnet import metrics
from mirnet.evaluation.scores import measure
from mirnet.shapes import Image

SHAPE = (40, 32, 256, 256, 3)
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
ROUNDS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=SHAPE[0] * SHAPE[1], help="blocks measured")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    noisy, clean = blocks()
    one, truth = (each[0, 0].astype(np.float32) / np.float32(255) for each in (noisy, clean))
    print_times(one, truth)
    with tempfile.TemporaryDirectory() as folder:
        for name, half in (("Noisy", noisy), ("Gt", clean)):
            variable = f"Validation{name}BlocksSrgb"
            savemat(Path(folder) / f"{variable}.mat", {variable: half})
        del noisy, clean, half
        options = ["--limit", str(arguments.limit), "--threads", str(arguments.threads)]
        cost = process.run([sys.executable, "-m", "mirnet", "evaluate", folder, *options])
    print(
        f"{arguments.limit} blocks: {cost.seconds:.0f} s, "
        f"{1000 * cost.seconds / arguments.limit:.0f} ms a block, peak {cost.peak_mb:.0f} MB"
    )


def blocks() -> tuple[np.ndarray, np.ndarray]:
    """Noisy and clean, of SIDD's shape, uint8."""
    rng = np.random.default_rng(0)
    photographs = [np.asarray(getattr(data, name)()) for name in PHOTOGRAPHS]
    clean = np.empty(SHAPE, np.uint8)
    noisy = np.empty(SHAPE, np.uint8)
    for index in np.ndindex(SHAPE[:2]):
        photograph = photographs[sum(index) % len(photographs)]
        top, left = (int(rng.integers(side - 255)) for side in photograph.shape[:2])
        clean[index] = photograph[top : top + 256, left : left + 256]
        noise = rng.normal(0, 18, SHAPE[2:])
        noisy[index] = np.rint((clean[index] + noise).clip(0, 255))
    return noisy, clean


def print_times(noisy: Image, truth: Image) -> None:
    pair = (noisy, truth)
    with mirnet.load(threads=1) as restorer:
        steps: dict[str, Callable[[], object]] = {
            "PSNR": lambda: metrics.psnr(*pair, data_range=1.0),
            "SSIM": lambda: metrics.ssim(*pair, data_range=1.0),
            "SSIM-Y": lambda: metrics.ssim_y(*pair, data_range=1.0),
            "SSIM-vol": lambda: metrics.ssim_volume(*pair, data_range=1.0),
            "noise": lambda: metrics.noise_level(noisy, data_range=1.0),
            "all figures": lambda: measure(*pair),
            "network": lambda: restorer(noisy),
        }
        for name, step in steps.items():
            print(f"{name:12} {median_ms(step):7.1f} ms a picture", flush=True)


def median_ms(step: Callable[[], object]) -> float:
    step()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


if __name__ == "__main__":
    main()
