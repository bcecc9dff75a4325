"""Whether tiles show: pictures restored in tiles, against the same pictures restored whole.

    python benchmarks/tiling.py PICTURE ... [--model denoise] [--tiles 192 384] [--overlaps 32 64]

Both results are brightened threefold, as a photographer opens shadows, and blurred by 6 pixels, so
that what is left of the noise does not hide a step. `step` is the largest difference of any pixel
and channel, in levels of 255; `psnr` is that of the tiled result as it is, against the whole. The
first row is the default. Times are of one run each, for orientation alone.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

import mirnet
from mirnet import metrics
from mirnet.pictures import codec, pixels
from mirnet.restoration import tiles
from mirnet.restoration.restored import BORDER
from mirnet.shapes import Image

BRIGHTENING = 3.0
BLUR = 6.0
"""Deviation of the Gaussian, in pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--model", default="denoise")
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--local", type=int)
    parser.add_argument("--tiles", type=int, nargs="*", default=[192, 384, 640])
    parser.add_argument("--overlaps", type=int, nargs="*", default=[32, 64])
    arguments = parser.parse_args()
    load = {"runtime": arguments.runtime, "precision": "f32", "local": arguments.local}
    with mirnet.load(arguments.model, **load) as restorer:
        multiple = restorer.facts.multiple
    print(f"{'picture':24} {'tile':>6} {'overlap':>7} {'step':>6} {'psnr':>6} {'us/pixel':>8}")
    for path in arguments.pictures:
        noisy: Image = pixels.to_float(codec.read(path)[..., :3])
        side = tiles.round_up(max(noisy.shape[:2]) + 2 * BORDER, multiple)
        whole, _, seconds = run(noisy, arguments.model, load, side, 0)
        show(path, f"{'whole':>6}", "", whole, whole, seconds)
        for tile, overlap in [(None, None), *pairs(arguments.tiles, arguments.overlaps, side)]:
            tiled, taken, seconds = run(noisy, arguments.model, load, tile, overlap)
            show(path, f"{taken[0]:6}", str(taken[1]), tiled, whole, seconds)


def pairs(sides: Sequence[int], overlaps: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Those that cut the picture."""
    return [
        (side, overlap)
        for side in sides
        for overlap in overlaps
        if side < most and overlap <= side // 2
    ]


def run(
    noisy: Image, model: str, load: dict[str, Any], tile: int | None, overlap: int | None
) -> tuple[Image, tuple[int, int], float]:
    """The restored picture, tile and overlap, and seconds."""
    with mirnet.load(model, tile=tile, overlap=overlap, **load) as restorer:
        restorer(noisy[:64, :64])
        began = time.perf_counter()
        restored = restorer(noisy)
        return restored, (restorer.tile, restorer.overlap), time.perf_counter() - began


def show(path: Path, tile: str, overlap: str, tiled: Image, whole: Image, seconds: float) -> None:
    speed = 1e6 * seconds / (tiled.shape[0] * tiled.shape[1])
    same, most = metrics.psnr(tiled, whole, data_range=1.0), step(tiled, whole)
    figures = f"{most:6.2f} {same:6.2f} {speed:8.2f}"
    print(f"{path.stem[:24]:24} {tile} {overlap:>7} {figures}", flush=True)


def step(tiled: Image, whole: Image) -> float:
    """The largest difference once shadows are opened and grain is blurred, levels of 255."""
    first, second = map(opened, (tiled, whole))
    return float(np.abs(first - second).max())


def opened(picture: Image) -> np.ndarray:
    """Brightened and blurred, levels of 255."""
    bright = np.clip(BRIGHTENING * 255 * picture, 0, 255)
    image = pyvips.Image.new_from_array(np.ascontiguousarray(bright, np.float32))
    return np.asarray(image.gaussblur(BLUR, precision="float", min_ampl=0.01).numpy())


if __name__ == "__main__":
    main()
