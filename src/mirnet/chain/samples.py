"""Pictures that denoising can be learnt from, drawn and not taken: no photograph has to be shipped.

They are dead leaves (Lee et al., IJCV 2001): shapes of all sizes that cover one another, which have
edges and a spectrum like those of photographs; here with gradients and stripes on them.
"""

from pathlib import Path

import numpy as np
import pyvips
import torch
from jaxtyping import Float, UInt8

from mirnet.data import noise

Canvas = Float[np.ndarray, "h w 3"]
Picture = UInt8[np.ndarray, "h w 3"]

LEAVES = 150
SMALLEST, LARGEST = 5.0, 90.0
"""Of a leaf's half width, in pixels; its density falls with the cube."""


def clean(number: int, height: int, width: int) -> Picture:
    """The picture of that number: it depends on number and size alone."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:height, :width].astype(float)
    canvas = _surface(rows, columns, rng)
    for _ in range(LEAVES):
        _cover(canvas, rng)
    pixels: Picture = np.rint(np.clip(canvas, 0, 1) * 255).astype(np.uint8)
    return pixels


def photograph(scene: Picture, seed: int) -> tuple[Picture, Picture]:
    """Noisy and clean, as a camera develops the scene; height and width are even."""
    batch = torch.from_numpy(scene.transpose(2, 0, 1)[None].copy()).float() / 255
    noisy, truth = (
        (half[0] * 255).round().byte().permute(1, 2, 0).numpy()
        for half in noise.photograph(batch, torch.Generator().manual_seed(seed))
    )
    return noisy, truth


def sidd(folder: Path, numbers: range, height: int, width: int) -> None:
    """Pairs under the names of SIDD-Medium, a scene each: clean, and with the noise of a camera.

    Args:
        folder: gets a folder for each scene.
        numbers: of the pictures, each below 10,000.
        height: in pixels, even.
        width: likewise.

    Raises:
        OSError: if folder or disk do not take them.
    """
    for number in numbers:
        scene = folder / "Data" / f"{number:04}_001_S6_00100_00060_3200_L"
        scene.mkdir(parents=True)
        noisy, truth = photograph(clean(number, height, width), number)
        for half, pixels in (("NOISY", noisy), ("GT", truth)):
            path = scene / f"{number:04}_{half}_SRGB_010.PNG"
            path.write_bytes(pyvips.Image.new_from_array(pixels).pngsave_buffer(compression=2))


def _cover(canvas: Canvas, rng: np.random.Generator) -> None:
    """Lay one more leaf, an ellipse or a rectangle, over what is there."""
    height, width, _ = canvas.shape
    few, many = LARGEST**-2, SMALLEST**-2
    half_width = (few + rng.random() * (many - few)) ** -0.5  # by the inverse of the distribution
    half_length = half_width * rng.uniform(1, 2.5)
    reach = int(half_width + half_length)
    top, left = int(rng.integers(height)), int(rng.integers(width))
    window = canvas[max(top - reach, 0) : top + reach, max(left - reach, 0) : left + reach]
    rows, columns = np.mgrid[: window.shape[0], : window.shape[1]].astype(float)
    rows, columns = rows - min(top, reach), columns - min(left, reach)
    angle = rng.uniform(0, np.pi)
    along = np.cos(angle) * rows + np.sin(angle) * columns
    across = np.cos(angle) * columns - np.sin(angle) * rows
    if rng.random() < 0.6:
        inside = (along / half_length) ** 2 + (across / half_width) ** 2 < 1
    else:
        inside = (abs(along) < half_length) & (abs(across) < half_width)
    leaf = _surface(along, across, rng)
    window[inside] = leaf[inside]


def _surface(
    rows: Float[np.ndarray, "h w"], columns: Float[np.ndarray, "h w"], rng: np.random.Generator
) -> Canvas:
    """A colour that changes slowly from place to place; half of the surfaces have stripes."""
    colour = rng.uniform(0.05, 0.95) + rng.normal(0, 0.1, 3)
    slopes = rng.normal(0, 1e-3, 2)
    stripes = rng.choice([0, 0.1]) * np.sin(rows * rng.uniform(0.2, 1.5))
    light = rows * slopes[0] + columns * slopes[1] + stripes
    canvas: Canvas = colour + light[..., None]
    return canvas
