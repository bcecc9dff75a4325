"""PSNR and SSIM over a folder of pairs: the input, non-local means at its best, and models.

    python benchmarks/quality.py DATA [MODEL ...]

DATA holds `input/` and `groundtruth/`. PSNR and SSIM are means over the pictures, on 8-bit RGB;
SSIM on RGB (mean of the channels) and on Y (as BasicSR). Non-local means is OpenCV's, its one
strength for all pictures chosen for the best mean PSNR on DATA itself, which flatters it.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

import mirnet
from mirnet import metrics
from mirnet.data import pairs
from mirnet.image import codec
from mirnet.restoration.restorer import TILE
from mirnet.shapes import Pixels

STRENGTHS = range(5, 41, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("models", nargs="*", default=["denoise"])
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--tile", type=int, default=TILE)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    found = pairs.find(arguments.data, codec.SUFFIXES)
    data = [(codec.read(pair.noisy), codec.read(pair.clean)) for pair in found]
    print(f"{len(data)} pairs of {arguments.data.name}")
    print(f"{'':24}  PSNR     SSIM    SSIM-Y   us/pixel")
    report("input", data, lambda noisy: noisy)
    means = {strength: mean_psnr(data, non_local_means(strength)) for strength in STRENGTHS}
    best = max(means, key=lambda strength: means[strength])
    report(f"non-local means, h={best}", data, non_local_means(best))
    for model in arguments.models:
        options = {"runtime": arguments.runtime, "tile": arguments.tile}
        with mirnet.load(model, **options, threads=arguments.threads) as restorer:
            report(f"{model} ({restorer.runtime.name})", data, restorer)


def non_local_means(strength: int) -> Callable[[Pixels], Pixels]:
    return lambda noisy: cv2.fastNlMeansDenoisingColored(noisy, None, strength, strength, 7, 21)


def mean_psnr(data: list[tuple[Pixels, Pixels]], method: Callable[[Pixels], Pixels]) -> float:
    return float(np.mean([metrics.psnr(method(x), y, data_range=255) for x, y in data]))


def report(
    name: str, data: list[tuple[Pixels, Pixels]], method: Callable[[Pixels], Pixels]
) -> None:
    rows = []
    started = time.perf_counter()
    restored = [method(noisy) for noisy, _ in data]
    seconds = time.perf_counter() - started
    for image, (_, clean) in zip(restored, data, strict=True):
        rows.append(
            [f(image, clean, data_range=255) for f in (metrics.psnr, metrics.ssim, metrics.ssim_y)]
        )
    psnr, ssim, ssim_y = np.mean(rows, axis=0)
    pixels = sum(clean.shape[0] * clean.shape[1] for _, clean in data)
    print(f"{name:24}  {psnr:6.2f}   {ssim:.4f}  {ssim_y:.4f}   {seconds / pixels * 1e6:8.2f}")


if __name__ == "__main__":
    main()
