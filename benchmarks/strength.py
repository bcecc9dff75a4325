"""What `--strength` below 1 gives beside a plain blend of the original and the restored picture.

    python benchmarks/strength.py PAIRS [--model denoise] [--megapixels 4]

PAIRS is a folder of pairs, such as input/ and groundtruth/. Besides PSNR and SSIM, the noise that
is left: the difference to the clean picture, as root mean square in levels of 255, of fine
luminance (the mean of R, G and B without its Gaussian mean of sigma 1), of the rest of luminance,
and of chroma. Means over the pictures.

Last, what it costs: microseconds of one core a pixel, around a network that does nothing.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

import mirnet
from mirnet import metrics
from mirnet.pairs import sources
from mirnet.pictures import pixels
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime
from mirnet.shapes import Image

STRENGTHS = (0.8, 0.6, 0.4)
HEADINGS = ("PSNR", "SSIM", "fine", "coarse", "chroma")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="denoise")
    parser.add_argument("--megapixels", type=float, default=4, help="of what costs are taken on")
    arguments = parser.parse_args()
    pairs = sources.open(arguments.folder)
    rows: dict[str, list[list[float]]] = {}
    with mirnet.load(arguments.model, threads=1) as restorer:
        for index in range(len(pairs)):
            noisy, clean = map(pixels.to_float, pairs.whole(index))
            rows.setdefault("input", []).append(figures(noisy, clean))
            restorer.strength = 1.0
            restored = restorer(noisy)
            rows.setdefault("1", []).append(figures(restored, clean))
            for strength in STRENGTHS:
                plain = noisy + np.float32(strength) * (restored - noisy)
                restorer.strength = strength
                rows.setdefault(f"{strength} plain", []).append(figures(plain, clean))
                rows.setdefault(f"{strength}", []).append(figures(restorer(noisy), clean))
    print(f"{len(pairs)} pairs  " + "".join(f"{heading:>9}" for heading in HEADINGS))
    for name, each in rows.items():
        print(f"{name:9}" + "".join(f"{mean:9.3f}" for mean in np.mean(each, axis=0)))
    for strength in (1.0, 0.5):
        cost = microseconds(strength, arguments.megapixels)
        print(f"strength {strength}: {cost:.2f} us/pixel around the network")


def figures(result: Image, clean: Image) -> list[float]:
    """As in `HEADINGS`."""
    scores = [each(result, clean, data_range=1.0) for each in (metrics.psnr, metrics.ssim)]
    error = 255 * (result.astype(np.float64) - clean)
    luminance = error.mean(axis=2)
    coarse = ndimage.gaussian_filter(luminance, 1)
    chroma = error - luminance[..., None]
    return [*scores, *map(root_mean_square, (luminance - coarse, coarse, chroma))]


def root_mean_square(values: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def microseconds(strength: float, megapixels: float) -> float:
    """Of tiling and blending, a pixel; the least of five."""
    height, width = round(250 * megapixels), 4000
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    restorer = Restorer(EchoRuntime(), strength=strength)
    seconds = []
    for _ in range(5):
        started = time.process_time()
        restorer(picture)
        seconds.append(time.process_time() - started)
    return min(seconds) / (height * width) * 1e6


if __name__ == "__main__":
    main()
