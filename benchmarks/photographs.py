"""Photographs of scikit-image to measure models by; bundled ones are not trained on them."""

import numpy as np
import pyvips

from mirnet.shapes import Pixels

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


def whole() -> dict[str, Pixels]:
    """As they are."""
    from skimage import data

    return {f"photograph {name}": np.ascontiguousarray(getattr(data, name)()) for name in NAMES}


def halved() -> dict[str, Pixels]:
    """By Lanczos's kernel, which removes most of their own grain."""
    return {
        f"{name}, halved": pyvips.Image.new_from_array(picture).resize(0.5).numpy()
        for name, picture in whole().items()
    }
