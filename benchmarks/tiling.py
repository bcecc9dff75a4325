"""Which tile and overlap: quality against the truth, seams, time and memory.

    python benchmarks/tiling.py [--runtime mnn] [--picture FILE]

A clean photograph (scikit-image's `astronaut`, 512x512, doubled to 1024x1024 by mirroring) gets
synthetic camera noise at one setting. It is restored untiled, and with each tile and overlap. PSNR
is against the clean picture; `to untiled` is the PSNR between tiled and untiled, which is what
the network's global pooling makes of tiles. `seam` is the largest excess of the mean step across a
tile's border over the mean step four pixels beside it, in levels of 1/255, on a noisy flat field.
Each row is a process of its own, with one thread, so that time and peak memory are its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

import mirnet
from mirnet import metrics
from mirnet.restoration.restorer import BORDER
from mirnet.restoration.stitch import Layout
from mirnet.shapes import Image

TILES = (64, 96, 128, 192, 256, 384)
UNTILED = 1024 + 64


def picture() -> tuple[Image, Image]:
    """A noisy and a clean picture, 1024x1024, sRGB in 0..1."""
    from skimage import data

    half = data.astronaut().astype(np.float32) / 255
    clean = np.block([[[half], [half[:, ::-1]]], [[half[::-1]], [half[::-1, ::-1]]]])
    return add_noise(clean * 0.5), clean * 0.5


def add_noise(clean: Image, seed: int = 0) -> Image:
    """Shot and read noise in linear light, shot 0.01, read 1e-4, as of a phone at ISO 1600."""
    rng = np.random.default_rng(seed)
    linear = clean.astype(np.float64) ** 2.2
    noisy = linear + rng.standard_normal(clean.shape) * np.sqrt(0.01 * linear + 1e-4)
    return np.clip(noisy, 0, 1).astype(np.float32) ** np.float32(1 / 2.2)


def seam(restored: Image, layout: Layout) -> float:
    """How much larger steps are at the tiles' borders than beside them, in levels of 1/255."""
    worst = 0.0
    for left in layout.lefts[1:]:
        for edge in (left, left + layout.overlap):
            column = edge - layout.border
            steps = np.abs(np.diff(restored.mean(0), axis=0)).mean(1)  # mean over rows first
            beside = max(steps[column - 5], steps[column + 3])
            worst = max(worst, float(steps[column - 1] - beside) * 255)
    return worst


def measure(tile: int, overlap: int, runtime: str) -> dict[str, float]:
    noisy, clean = picture()
    flat = add_noise(np.full((256, 1024, 3), 0.4, np.float32), seed=1)
    with mirnet.load("denoise", runtime=runtime, tile=tile, overlap=overlap, threads=1) as restorer:
        restorer(noisy[:256, :256])
        started = time.perf_counter()
        restored = restorer(noisy)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        steps = restorer(flat) if tile < 1024 else flat
    np.save(f"/tmp/mirnet_tiling_{tile}_{overlap}.npy", restored)
    return {
        "psnr": metrics.psnr(restored, clean, data_range=1.0),
        "seam": seam(steps, Layout(256, 1024, tile, overlap, BORDER)) if tile < 1024 else 0.0,
        "us": seconds / clean.shape[0] / clean.shape[1] * 1e6,
        "mb": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runtime", default="mnn")
    parser.add_argument("--one", nargs=2, type=int, metavar=("TILE", "OVERLAP"))
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one, arguments.runtime)))
        return
    print(f"runtime {arguments.runtime}")
    print("   tile  overlap    PSNR  to untiled  seam/255  us/pixel  peak MB")
    untiled = None
    for tile, overlap in [
        (UNTILED, 0),
        *((t, o) for t in TILES for o in (16, 32, 48) if o <= t // 2),
    ]:
        command = [sys.executable, __file__, "--runtime", arguments.runtime]
        done = subprocess.run(
            [*command, "--one", str(tile), str(overlap)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"{tile:7} {overlap:8}    failed: {done.stderr.strip().splitlines()[-1]}")
            continue
        row = json.loads(done.stdout.strip().splitlines()[-1])
        restored = np.load(f"/tmp/mirnet_tiling_{tile}_{overlap}.npy")
        untiled = restored if untiled is None else untiled
        same = metrics.psnr(restored, untiled, data_range=1.0)
        print(
            f"{tile:7} {overlap:8}  {row['psnr']:6.2f}  {same:10.2f}  {row['seam']:8.2f}  "
            f"{row['us']:8.2f}  {row['mb']:7.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
