"""What a dual-pixel sensor sees of a scene out of focus, for tests: through halves of the lens."""

import numpy as np
import pyvips

from mirnet.pairs.pairs import VIEWS

PUBLISHED = ("test_l/source", "test_r/source", "test_c/target")
"""Folders of the left views, right views and targets of DPDD's test set as published."""


def views(scene, radius=3):
    """Left and right view of a scene, h w c of whole numbers, each blurred by half a disc.

    The scene repeats itself beyond its border, so mirrored scenes have exactly mirrored views.
    """
    reach = range(-radius, radius + 1)
    places = [(y, x) for y in reach for x in reach if x >= 0 and y**2 + x**2 <= radius**2]

    def seen(side):
        shifted = [np.roll(scene, (y, side * x), (0, 1)) for y, x in places]
        return (np.sum(shifted, axis=0, dtype=np.int64) // len(places)).astype(scene.dtype)

    return seen(1), seen(-1)


def scene(height, width, *, dtype=np.uint16, seed=0):
    """A picture of squares of random colours, sharp and with detail everywhere."""
    squares = np.random.default_rng(seed).random((-(-height // 4), -(-width // 4), 3))
    pixels = squares.repeat(4, 0).repeat(4, 1)[:height, :width]
    return np.rint(pixels * np.iinfo(dtype).max).astype(dtype)


def write(folder, names, *, layout=VIEWS[0], size=(48, 64), dtype=np.uint16):
    """Write a pair of views and its target for each name, and return the folder.

    Names are those of the target; or of the left view, the right view and the target.
    """
    for seed, name in enumerate(names):
        sharp = scene(*size, dtype=dtype, seed=seed)
        files = name if isinstance(name, tuple) else (name,) * 3
        for half, file, pixels in zip(layout, files, (*views(sharp), sharp), strict=True):
            place = folder / half
            place.mkdir(parents=True, exist_ok=True)
            kind = "rgb16" if dtype == np.uint16 else "srgb"
            image = pyvips.Image.new_from_array(pixels).copy(interpretation=kind)
            image.write_to_file(str(place / f"{file}.png"))
    return folder
