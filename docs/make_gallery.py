"""Make the pictures of docs/gallery.md: noisy, restored and clean side by side, at 100 %.

    python docs/make_gallery.py [MODEL]

The photographs are scikit-image's: `astronaut` (NASA) and `rocket` (SpaceX), both in the public
domain, `chelsea` (Stéfan van der Walt), `coffee` (Rachel Michetti) and `grass` (linolafett), all
CC0, and `text` (Wikipedia, public domain). Their noise is that of mirnet's camera model; one is
drawn here. The figures in the labels are those of what is shown.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyvips
import torch
from make_pictures import DIM, DIMMER, IMAGES, Exposure, expose, save, to_pixels
from PIL import Image, ImageDraw, ImageFont
from skimage import data, draw

import mirnet
from mirnet.camera import finishing
from mirnet.shapes import Pixels

FOLDER = IMAGES / "gallery"
HEIGHT, WIDTH = 160, 208
"""Of what is shown of each picture."""
LABEL, GAP = 24, 4

BRIGHT = Exposure(light=1.0, shot=1.76e-3, read=1.3e-5, seed=3)
"""At about ISO 400."""
NIGHT = Exposure(light=0.2, shot=6e-3, read=2e-4, seed=2)
"""At about ISO 1600, and a fifth of the light."""

Pair = tuple[Pixels, Pixels]
"""Noisy and clean."""


@dataclass(frozen=True)
class Case:
    """A picture, how it was taken, and the place that is shown."""

    name: str
    photograph: Callable[[], Pixels]
    top: int
    left: int
    exposure: Exposure | None
    """None for the picture as it is."""
    then: Callable[[Pixels, Pixels], Pair] | None = None
    """What a camera or a program does to the noisy picture and the clean one."""


def finish(noisy: Pixels, clean: Pixels) -> Pair:
    """As a phone does: noise reduction, sharpening, JPEG."""
    pair = [torch.from_numpy(each).permute(2, 0, 1)[None].float() / 255 for each in (noisy, clean)]
    sigma, strength = torch.tensor([[1.2, 2.5, 2.5]]), torch.tensor([[1.5, 20.0, 20.0]])
    pair[0] = finishing.smooth(*pair, sigma, strength)
    edge, amount = torch.tensor([1.0]), torch.tensor([0.8])
    smoothed, clean = (to_pixels(finishing.sharpen(each, edge, amount)) for each in pair)
    return compress(smoothed, 60), clean


def enlarge(noisy: Pixels, clean: Pixels) -> Pair:
    """As digital zoom does, twice, and JPEG."""
    noisy, clean = (
        pyvips.Image.new_from_array(each).resize(2, kernel="cubic").numpy()
        for each in (noisy, clean)
    )
    return compress(noisy, 85), clean


def compress(picture: Pixels, quality: int) -> Pixels:
    """What JPEG leaves, the chroma at half size."""
    image = pyvips.Image.new_from_array(picture).copy(interpretation="srgb")
    file = image.jpegsave_buffer(Q=quality, subsample_mode="on")
    return pyvips.Image.new_from_buffer(file, "").numpy()


def grey(picture: Callable[[], Pixels]) -> Callable[[], Pixels]:
    """A grey picture in three channels, its sides even."""
    return lambda: np.repeat(picture()[..., None], 3, axis=2)


def drawing() -> Pixels:
    """Flat colours, fine hatching, thin lines: no photograph."""
    picture = np.full((HEIGHT, WIDTH, 3), 245, np.uint8)
    picture[96:] = (120, 170, 90)
    picture[draw.disk((44, 172), 26)] = (250, 190, 40)
    picture[draw.polygon([96, 40, 96], [20, 80, 140])] = (190, 60, 50)
    picture[96:150, 40:120] = (250, 235, 200)
    picture[110:150:2, 90:108] = (60, 40, 30)
    picture[106:126, 52:76] = (90, 130, 200)
    picture[106:126:5, 52:76] = picture[106:126, 52:76:6] = 30
    for column in range(130, 204, 6):
        rows, columns = draw.line(146, column, 104, column + 4)
        picture[rows, columns] = (30, 80, 30)
    return picture


CASES = (
    Case("portrait", data.astronaut, 60, 110, DIM),
    Case("cat", data.chelsea, 50, 90, DIM),
    Case("embroidery", data.astronaut, 300, 60, BRIGHT),
    Case("lettering", grey(data.text), 0, 130, DIM),
    Case("wood", data.coffee, 60, 10, DIM),
    Case("grass", grey(data.grass), 200, 120, DIMMER),
    Case("night", data.rocket, 262, 130, NIGHT),
    Case("phone_jpeg", data.coffee, 180, 150, DIM, finish),
    Case("zoom", data.chelsea, 240, 300, DIM, enlarge),
    Case("no_noise", data.chelsea, 50, 90, None),
    Case("drawing", drawing, 0, 0, None),
)


def strip(case: Case, restorer: Callable[[Pixels], Pixels]) -> Pixels:
    """Input, restored and clean with their labels."""
    clean = np.ascontiguousarray(case.photograph())
    noisy, clean = expose(clean, case.exposure) if case.exposure else (clean, clean)
    if case.then:
        noisy, clean = case.then(noisy, clean)
    window = np.s_[case.top : case.top + HEIGHT, case.left : case.left + WIDTH]
    noisy, restored, clean = (each[window] for each in (noisy, restorer(noisy), clean))
    parts = [labelled(noisy, "input", clean), labelled(restored, "mirnet", clean)]
    return np.hstack([*parts, labelled(clean, "clean", clean)])[:, :-GAP]


def labelled(picture: Pixels, label: str, clean: Pixels) -> Pixels:
    """The picture under its name and PSNR, with a gap to the right."""
    if not np.array_equal(picture, clean):
        label = f"{label}, {mirnet.psnr(picture, clean, data_range=255):.1f} dB"
    height, width, _ = picture.shape
    canvas = Image.new("RGB", (width + GAP, LABEL + height), "white")
    ImageDraw.Draw(canvas).text((2, 3), label, "black", ImageFont.load_default(15))
    canvas.paste(Image.fromarray(picture), (0, LABEL))
    return np.asarray(canvas)


if __name__ == "__main__":
    with mirnet.load(*sys.argv[1:2]) as restorer:
        for case in CASES:
            path = FOLDER / f"{case.name}.jpg"
            save(strip(case, restorer), path)
            print(f"{path}: {path.stat().st_size / 1e3:.0f} KB", flush=True)
