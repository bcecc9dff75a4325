"""Make the sample photograph, the README's picture, and those of strength and grain.

The sample is scikit-image's `chelsea` (Stéfan van der Walt, CC0). It is given the noise of a phone
in a room by mirnet's camera model and restored with the bundled model. So are it and `astronaut`
(NASA, public domain) with less light.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyvips
import torch
from skimage import data

import mirnet
from mirnet.camera import isp, sensor
from mirnet.shapes import Image, Pixels

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "examples" / "cat_noisy.png"
IMAGES = ROOT / "docs" / "images"
BEFORE_AFTER = IMAGES / "before_after.png"

STRENGTHS = (1.0, 0.8, 0.6, 0.4)
GRAINS = (0, 2, 4, 8)
DETAIL = (100, 110)
"""Height and width of what is shown of a picture at each strength or amount of grain."""


@dataclass(frozen=True)
class Exposure:
    """Of a phone, in less light than it would like."""

    light: float
    shot: float
    read: float
    seed: int


ROOM = Exposure(light=0.6, shot=1.764e-3, read=1.2e-5, seed=7)
"""A Pixel at ISO 800 (SIDD's calibration), as people use it indoors."""
DIM = Exposure(light=0.6, shot=6e-3, read=5e-5, seed=7)
"""At about ISO 1600."""
DIMMER = Exposure(light=0.3, shot=1.2e-2, read=2e-4, seed=5)
"""At about ISO 3200, and half the light."""


def expose(photograph: Pixels, exposure: Exposure) -> tuple[Pixels, Pixels]:
    """The photograph as taken again in dim light, with noise and without, 448 columns, 8 bits."""
    rows = photograph.shape[0] // 2 * 2
    pixels = np.ascontiguousarray(photograph[:rows, :448])
    clean = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    generator = torch.Generator().manual_seed(exposure.seed)
    camera = replace(isp.random_development(1, generator), has_srgb_curve=torch.tensor([False]))
    scene = isp.unprocess(clean, camera) * exposure.light
    noise = sensor.RawNoise.of(exposure.shot, exposure.read)
    recorded = sensor.expose(isp.mosaic(scene), noise, generator)
    demosaiced = isp.demosaic_malvar(isp.balance(recorded, camera))
    truth = isp.develop(scene * camera.gains, camera)
    return to_pixels(isp.develop(demosaiced, camera)), to_pixels(truth)


def to_pixels(image: torch.Tensor) -> Pixels:
    """Of b 3 h w in 0..1, the first as h w 3 in 8 bits."""
    return (image[0].permute(1, 2, 0) * 255).round().byte().numpy()


def before_and_after(before: Pixels, after: Pixels) -> Image:
    """The left half noisy, the right half restored, and below each a detail, enlarged."""
    width = before.shape[1]
    middle = width // 2
    whole = np.concatenate([before[:, :middle], after[:, middle:]], axis=1)
    whole[:, middle - 1 : middle + 1] = 255
    side = width // 4
    window = np.s_[70 : 70 + side, 90 : 90 + side]
    details = [np.kron(x[window], np.ones((2, 2, 1), np.uint8)) for x in (before, after)]
    details[1][:, :2] = 255
    return np.concatenate([whole, np.full((4, width, 3), 255, np.uint8), np.hstack(details)])


def strengths(noisy: Pixels, top: int, left: int) -> Pixels:
    """A detail, enlarged: above plain blends with the original, below what `strength` makes."""
    window = np.s_[top : top + DETAIL[0], left : left + DETAIL[1]]
    restored = mirnet.restore(noisy)
    above, below = [], []
    for strength in STRENGTHS:
        plain = np.rint(noisy + strength * (restored.astype(float) - noisy)).astype(np.uint8)
        above.append(plain[window])
        below.append(mirnet.restore(noisy, strength=strength)[window])
    gap = ((0, 2), (0, 2), (0, 0))
    rows = [np.hstack([np.pad(x, gap, constant_values=255) for x in row]) for row in (above, below)]
    return np.kron(np.vstack(rows)[:-2, :-2], np.ones((2, 2, 1), np.uint8))


def grains(noisy: Pixels, top: int, left: int) -> Pixels:
    """A detail, enlarged, with more and more grain."""
    window = np.s_[top : top + DETAIL[0], left : left + DETAIL[1]]
    shown = []
    for amount in GRAINS:
        with mirnet.load(grain=amount) as restorer:
            shown.append(np.pad(restorer(noisy)[window], ((0, 0), (0, 2), (0, 0)), "constant"))
    return np.kron(np.hstack(shown)[:, :-2], np.ones((2, 2, 1), np.uint8))


def save(pixels: Pixels, path: Path) -> None:
    """Without metadata, as PNG, or as JPEG that keeps colour noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    if path.suffix == ".jpg":
        image.jpegsave(str(path), Q=88, subsample_mode="off", optimize_coding=True)
    else:
        image.pngsave(str(path), compression=9)


if __name__ == "__main__":
    sample, clean = expose(data.chelsea(), ROOM)
    restored = mirnet.restore(sample)
    save(sample, SAMPLE)
    save(before_and_after(sample, restored), BEFORE_AFTER)
    for name, image in (("noisy", sample), ("restored", restored)):
        print(f"{name}: {mirnet.psnr(image, clean, data_range=255):.2f} dB")
    noisy, _ = expose(data.chelsea(), DIM)
    save(strengths(noisy, 100, 115), IMAGES / "strength_cat.jpg")
    portrait, _ = expose(data.astronaut(), DIMMER)
    save(strengths(portrait, 70, 160), IMAGES / "strength_portrait.jpg")
    save(grains(noisy, 100, 115), IMAGES / "grain.jpg")
