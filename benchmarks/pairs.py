"""Time of a crop from pairs: a folder of PNG files against packed shards.

    python benchmarks/pairs.py [--crops 1000] [--scale 1]

The pairs are made in the temporary folder (about 400 MB): 512 of 256x256, 8 of 1536x1024 and one of
5328x3000, 8 bits, smooth pictures and the same with noise. One process, crops of both halves at
random places of random pairs. All was read once before, so that no disk is measured. Opening is
measured with a set of 100,000 pairs of tiny pictures.
"""

import argparse
import tempfile
import time
from pathlib import Path

import noisy_pairs
import numpy as np
from safetensors.numpy import save_file

from mirnet.pairs import shard
from mirnet.pairs.packed import Packed
from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.pairs import Pairs
from mirnet.patches import patch_folder

SETS = ((256, 256, 512), (1024, 1536, 8), (3000, 5328, 1))
PATCHES = (64, 128, 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=int, default=1000)
    parser.add_argument("--scale", type=float, default=1, help="of the numbers of pictures")
    arguments = parser.parse_args()
    crops, scale = arguments.crops, arguments.scale
    print(f"{'source':>7} {'pictures':>9} {'patch':>5} {'us/crop':>8} {'crops/s':>8}")
    with tempfile.TemporaryDirectory() as name:
        for height, width, most in SETS:
            count = round(most * scale)
            if not count:
                continue
            folder = Path(name) / f"{height}x{width}"
            make(folder, height, width, count)
            packing_seconds = pack(folder, folder / "packed")
            sources: dict[str, Pairs] = {
                "folder": PairFolder(folder),
                "packed": Packed(folder / "packed"),
            }
            for side in PATCHES:
                for kind, source in sources.items():
                    each = seconds(source, side, crops if kind == "packed" else crops // 20)
                    print(
                        f"{kind:>7} {height:>4}x{width:<4} {side:>5} {each * 1e6:>8.0f} "
                        f"{1 / each:>8.0f}"
                    )
            print(f"packing {count} pairs of {height}x{width}: {packing_seconds:.1f} s")
        many = Path(name) / "many"
        make_shards(many, shards=40, pairs=max(round(2500 * scale), 1))
        started = time.perf_counter()
        length = len(Packed(many))
        print(f"opening 40 shards, {length} pairs: {time.perf_counter() - started:.2f} s")


def make(folder: Path, height: int, width: int, count: int) -> None:
    """Write pairs as PNG."""
    patch_folder.start(folder, {})
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    for index in range(count):
        waves = [np.sin(rows / rng.uniform(9, 90) + columns / rng.uniform(9, 90)) for _ in "rgb"]
        clean = 110 + 70 * np.stack(waves, -1)
        noisy, clean = (
            np.rint(half.clip(0, 255)).astype(np.uint8)
            for half in (clean + rng.normal(0, 12, clean.shape), clean)
        )
        patch_folder.write(folder, f"{index:05d}", noisy, clean)


def pack(folder: Path, target: Path) -> float:
    """Pack the pairs; return the seconds."""
    started = time.perf_counter()
    noisy_pairs.pack(folder, target)
    return time.perf_counter() - started


def seconds(source: Pairs, side: int, crops: int) -> float:
    """Of one crop, on average."""
    for index in range(len(source)):
        source.whole(index)
    rng = np.random.default_rng(0)
    indices = rng.integers(len(source), size=crops).tolist()
    places = [(top, left) for top, left in rng.random((crops, 2)).tolist()]
    started = time.perf_counter()
    for index, place in zip(indices, places, strict=True):
        source.crop(index, side, place)
    return (time.perf_counter() - started) / crops


def make_shards(folder: Path, *, shards: int, pairs: int) -> None:
    """Write shards of tiny pictures, under names as long as SIDD's patches have."""
    folder.mkdir()
    pixels = np.zeros((4, 4, 3), np.uint8)
    for number in range(shards):
        stems = [f"0001_001_S6_00100_00060_3200_L_{number * pairs + k:06d}" for k in range(pairs)]
        tensors = {f"{half}/{stem}": pixels for half in ("noisy", "clean") for stem in stems}
        label = shard.Label(number, shards, shards * pairs, 1024, "made", "", "")
        save_file(tensors, folder / shard.name(number), label.metadata())


if __name__ == "__main__":
    main()
