"""Peak memory of restoring a large TIFF.

    python benchmarks/memory.py [--megapixels 100] [--bits 16] [--runtime mnn] [--model denoise]
                                [--strength 1]

The TIFF is made in the temporary folder. The peak is the resident memory of the whole process, and
should stay under 1.5 GB for 100 megapixels.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import process
import pyvips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=100)
    parser.add_argument("--bits", type=int, choices=(8, 16), default=16)
    parser.add_argument("--runtime", default="mnn")
    parser.add_argument("--model", default="denoise")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--strength", default="1")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "large.tif", Path(folder) / "restored.tif"
        pixels = make(source, arguments.megapixels, arguments.bits)
        decoded = pixels * 3 * arguments.bits / 8 / 2**20
        command = [sys.executable, "-m", "mirnet", "restore", str(source), "-o", str(target)]
        cost = process.run(
            [
                *command,
                "--runtime",
                arguments.runtime,
                "--model",
                arguments.model,
                "--threads",
                arguments.threads,
                "--strength",
                arguments.strength,
            ]
        )
        restored = pyvips.Image.new_from_file(str(target))
        assert restored.width * restored.height == pixels
    print(
        f"{pixels / 1e6:.0f} megapixels of {arguments.bits} bits ({decoded:.0f} MB decoded), "
        f"{arguments.runtime}: {cost.seconds:.0f} s, {cost.seconds / pixels * 1e6:.2f} us/pixel, "
        f"peak {cost.peak_mb:.0f} MB"
    )


def make(path: Path, megapixels: float, bits: int) -> int:
    """Write a smooth picture with noise, 4:3; return its pixels."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    top = 2**bits - 1
    ramp = pyvips.Image.xyz(width, height)[0] * (top * 0.8 / width)
    bands = [ramp + pyvips.Image.gaussnoise(width, height, sigma=top * 0.05) for _ in range(3)]
    image = bands[0].bandjoin(bands[1:]).cast("ushort" if bits == 16 else "uchar")
    image = image.copy(interpretation="rgb16" if bits == 16 else "srgb")
    image.tiffsave(str(path), compression="deflate", predictor="horizontal")
    return int(height * width)


if __name__ == "__main__":
    main()
