"""The eight symmetries of a square picture: rotations, and rotations of the mirrored picture."""

import numpy as np
from jaxtyping import Shaped

COUNT = 8

Upright = Shaped[np.ndarray, "h w c"]
Turned = Shaped[np.ndarray, "h2 w2 c"]


def turn(image: Upright, which: int) -> Turned:
    """The picture rotated by `which` % 4 quarter turns, and mirrored from `which` = 4 on.

    A view: nothing is copied.
    """
    turned = np.rot90(image, which % 4)
    return turned[:, ::-1] if which >= 4 else turned


def turn_back(turned: Turned, which: int) -> Upright:
    """The picture that `turn` was given. A view."""
    image = turned[:, ::-1] if which >= 4 else turned
    return np.rot90(image, -(which % 4))
