"""Make the sample photograph and the README's before-and-after picture.

The photograph is scikit-image's `chelsea` (Stéfan van der Walt, CC0). It is given the noise of a
dim room by mirnet's camera model and restored with the bundled model.
"""

from pathlib import Path

import numpy as np
import pyvips
import torch
from skimage import data

import mirnet
from mirnet.data import isp
from mirnet.data.sensor import Sensor, expose
from mirnet.shapes import Image, Pixels

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "examples" / "cat_noisy.png"
BEFORE_AFTER = ROOT / "docs" / "images" / "before_after.png"

LIGHT = 0.6
SHOT, READ = 6e-3, 5e-5
"""A phone at about ISO 1600, and less light than it would like."""


def noisy_cat() -> tuple[Pixels, Pixels]:
    """The sample and its clean twin, 300x448, 8 bits."""
    pixels = np.ascontiguousarray(data.chelsea()[:, :448])
    clean = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    generator = torch.Generator().manual_seed(7)
    camera = isp.random_camera(1, generator)
    scene = isp.unprocess(clean, camera) * LIGHT
    one = torch.ones(1, 1, 1, 1)
    recorded = expose(isp.mosaic(scene), Sensor(SHOT * one, READ * one, 0 * one), generator)
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


def save(pixels: Pixels, path: Path) -> None:
    """As PNG, without metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(np.ascontiguousarray(pixels)).pngsave(str(path), compression=9)


if __name__ == "__main__":
    noisy, clean = noisy_cat()
    restored = mirnet.restore(noisy)
    save(noisy, SAMPLE)
    save(before_and_after(noisy, restored), BEFORE_AFTER)
    for name, image in (("noisy", noisy), ("restored", restored)):
        print(f"{name}: {mirnet.psnr(image, clean, data_range=255):.2f} dB")
