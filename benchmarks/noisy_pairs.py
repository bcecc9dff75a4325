"""Pairs to train with, made of scikit-image's photographs: for benchmarks of speed alone."""

from pathlib import Path

import numpy as np
import photographs

from mirnet.pairs import packing
from mirnet.pairs.pair_folder import PairFolder
from mirnet.patches import patch_folder

SIDE = 256


def make(folder: Path, count: int) -> None:
    """Write `count` pairs of `SIDE` pixels as PNG files: random windows, and the same with noise.

    The noise is that of a camera: more of it where it is bright. Files with noise are larger than
    smooth ones, and slower to read.
    """
    pictures = list(photographs.whole().values())
    rng = np.random.default_rng(0)
    patch_folder.start(folder, {})
    for index in range(count):
        photograph = pictures[index % len(pictures)]
        top, left = (int(rng.integers(side - SIDE + 1)) for side in photograph.shape[:2])
        clean = np.ascontiguousarray(photograph[top : top + SIDE, left : left + SIDE])
        noise = rng.standard_normal(clean.shape) * np.sqrt(30 + 0.6 * clean)
        noisy = np.rint((clean + noise).clip(0, 255)).astype(np.uint8)
        patch_folder.write(folder, f"{index:05d}", noisy, clean)


def pack(folder: Path, target: Path) -> None:
    """Pack the pairs of a folder into shards."""
    source = PairFolder(folder)
    for job in packing.plan(source, target, shard_mb=64):
        packing.write(source, job)
