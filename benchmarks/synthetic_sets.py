"""Pairs of whole pictures with noise of known strength, to measure models on.

    python benchmarks/synthetic_sets.py FOLDER [PHOTOGRAPH ...] [--seed 0]

Each photograph is shrunk to half, so that its own noise vanishes, softened as by a lens, and taken
anew by the camera of `mirnet.camera.noise`: by a phone and by a system camera, as calibrated, at
three sensitivities each.
Its curve is a gamma, with or without a tone curve, so that the sets stay what they were before
cameras with sRGB's curve were among those of training.
FOLDER gets a folder of pairs for each of `SENSORS`, and for each one more whose noisy half is JPEG
of quality 85 with the chroma at half size. Each photograph has one camera, one light and the same
random numbers in all of them: the sets differ in their noise alone, and the clean halves are equal.

Without photographs, those of scikit-image are taken, on which the bundled model is not trained.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import photographs
import pyvips
import torch

from mirnet.camera import isp, noise
from mirnet.camera.sensor import PHONES, SYSTEM_CAMERAS, RawNoise
from mirnet.patches import windows
from mirnet.pictures import codec

PHONE = PHONES["Pixel"]
"""At ISO 100, 400, 800, 1600 and 3200."""
SYSTEM_CAMERA = SYSTEM_CAMERAS["Canon 5D4"]
ISO_6400 = SYSTEM_CAMERA.gain[1]
"""The highest gain that is calibrated."""
SENSORS = {
    "phone_light_iso400": RawNoise.of(*PHONE[1]),
    "phone_medium_iso1600": RawNoise.of(*PHONE[3]),
    "phone_strong_iso3200": RawNoise.of(*PHONE[4]),
    "camera_light_iso1600": SYSTEM_CAMERA.at(ISO_6400 / 4),
    "camera_medium_iso6400": SYSTEM_CAMERA.at(ISO_6400),
    "camera_strong_iso25600": SYSTEM_CAMERA.at(ISO_6400, push=4.0),
}
LENS = 0.7
"""Deviation of a Gaussian, in pixels. Without it, the errors of demosaicing outweigh weak noise."""
QUALITY = 85
BORDER = 4
"""Pixels cut off all around: demosaicing sees reflections there."""
PHOTOGRAPHS = (*photographs.NAMES, "stereo_motorcycle")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("photographs", nargs="*", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    names = [f"{name}{kind}" for name in SENSORS for kind in ("", f"_jpeg{QUALITY}")]
    for half in ("noisy", "clean"):
        for name in names:
            (arguments.folder / name / half).mkdir(parents=True)
    for name, photograph in read(arguments.photographs):
        seed = int(windows.rng(arguments.seed, name).integers(2**62))
        for level, sensor in SENSORS.items():
            noisy, clean = map(to_vips, take(photograph, sensor, seed))
            for kind in ("", f"_jpeg{QUALITY}"):
                folder = arguments.folder / f"{level}{kind}"
                clean.pngsave(str(folder / "clean" / f"{name}.png"))
                if kind:
                    target = str(folder / "noisy" / f"{name}.jpg")
                    noisy.jpegsave(target, Q=QUALITY, subsample_mode="on")
                else:
                    noisy.pngsave(str(folder / "noisy" / f"{name}.png"))
    print("\n".join(str(arguments.folder / name) for name in names))


def read(paths: Sequence[Path]) -> Iterator[tuple[str, np.ndarray]]:
    """Photographs by name, h w 3, 8 bits."""
    if paths:
        for path in paths:
            yield path.stem, codec.read(path)
        return
    from skimage import data

    for name in PHOTOGRAPHS:
        found = getattr(data, name)()
        yield name, found[0] if isinstance(found, tuple) else found  # left of a stereo pair


def take(
    photograph: np.ndarray, raw_noise: RawNoise, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy and clean, 1 3 h w, of half the size."""
    half = to_vips(photograph).resize(0.5, kernel="lanczos3").gaussblur(LENS, precision="float")
    seen = half.crop(0, 0, half.width // 2 * 2, half.height // 2 * 2).numpy()
    scene = torch.from_numpy(seen.copy()).permute(2, 0, 1)[None].float() / 255
    generator = torch.Generator().manual_seed(seed)
    development = replace(
        isp.random_development(1, generator), has_srgb_curve=torch.tensor([False])
    )
    pair = noise.take(scene, torch.ones(1), development, raw_noise, generator)
    noisy, clean = (each[..., BORDER:-BORDER, BORDER:-BORDER] for each in pair)
    return noisy, clean


def to_vips(picture: np.ndarray | torch.Tensor) -> pyvips.Image:
    """Of 8 bits, from h w 3 of these or 1 3 h w in 0..1."""
    if isinstance(picture, torch.Tensor):
        picture = (picture[0].permute(1, 2, 0) * 255).round().byte().numpy()
    image = pyvips.Image.new_from_array(np.ascontiguousarray(picture))
    return image.copy(interpretation="srgb")


if __name__ == "__main__":
    main()
