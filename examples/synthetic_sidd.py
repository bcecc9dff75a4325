"""A folder that looks like SIDD-Medium, made of photographs, to try what follows the download.

Full-size pairs under SIDD's names, two a scene: photographs are enlarged and given the noise of a
camera. They serve to try `mirnet data sidd-patches` and what comes after it, not to train a good
network. A full-size pair takes half a minute and 4 GB of memory.

    python examples/synthetic_sidd.py photographs SIDD_synthetic --pairs 4
    python examples/synthetic_sidd.py SIDD_synthetic   # scikit-image's sample photographs
    mirnet data sidd-patches SIDD_synthetic patches
"""

import argparse
from pathlib import Path

import numpy as np
import pyvips
import torch

from mirnet.camera import noise
from mirnet.pictures import codec
from mirnet.pictures.pixels import Rgb
from mirnet.system.files import replacing

SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")
"""Colour photographs that come inside scikit-image."""


def photograph(folder: Path | None, number: int) -> Rgb:
    """One of the pictures of a folder, or of scikit-image's, over and over."""
    if folder is None:
        from skimage import data

        return np.asarray(getattr(data, SAMPLES[number % len(SAMPLES)])())
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in codec.SUFFIXES)
    if not files:
        raise SystemExit(f"{folder} holds no photographs")
    path = files[number % len(files)]
    picture = codec.read(path)
    if picture.dtype != np.uint8 or picture.shape[2] != 3:
        raise SystemExit(f"{path} is not 8-bit RGB: move it away")
    return picture


def enlarged(picture: Rgb, height: int, width: int) -> Rgb:
    """The picture in this size: it is scaled until it covers that, and its middle is taken."""
    image = pyvips.Image.new_from_array(picture)
    image = image.resize(max(height / image.height, width / image.width), kernel="cubic")
    left, top = max(image.width - width, 0) // 2, max(image.height - height, 0) // 2
    return np.asarray(image.crop(left, top, width, height).numpy())


def pair(clean: Rgb, generator: torch.Generator) -> tuple[Rgb, Rgb]:
    """Noisy and clean, as a camera develops them."""
    batch = torch.from_numpy(clean.transpose(2, 0, 1)[None].copy()).float() / 255
    noisy, truth = (
        (half[0] * 255).round().byte().permute(1, 2, 0).numpy()
        for half in noise.photograph(batch, generator)
    )
    return noisy, truth


def main() -> None:
    """Write the pairs, and print the names of their files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photographs", type=Path, nargs="?", help="[scikit-image's samples]")
    parser.add_argument("folder", type=Path, metavar="DST")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--width", type=int, default=5328)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    for number in range(options.pairs):
        scene = number // 2
        clean = enlarged(photograph(options.photographs, scene), options.height, options.width)
        generator = torch.Generator().manual_seed(options.seed + number)
        noisy, clean = pair(clean, generator)
        folder = options.folder / "Data" / f"{scene + 1:04}_{scene + 1:03}_S6_00100_00060_3200_L"
        folder.mkdir(parents=True, exist_ok=True)
        for half, pixels in (("NOISY", noisy), ("GT", clean)):
            path = folder / f"{scene + 1:04}_{half}_SRGB_{10 + number % 2:03}.PNG"
            with replacing(path) as part:
                part.write_bytes(codec.encode(pixels, "png", is_fast=True))
            print(path)


if __name__ == "__main__":
    main()
