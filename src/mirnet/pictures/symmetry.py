"""The eight ways in which a square picture can lie: turned, and turned and mirrored."""

import numpy as np
from jaxtyping import Shaped

COUNT = 8

Picture = Shaped[np.ndarray, "h w c"]
Turned = Shaped[np.ndarray, "h2 w2 c"]


def turn(image: Picture, which: int) -> Turned:
    """The picture a quarter turn `which` % 4 times, mirrored from 4 on.

    A view: nothing is copied.
    """
    turned = np.rot90(image, which % 4)
    return turned[:, ::-1] if which >= 4 else turned


def turn_back(turned: Turned, which: int) -> Picture:
    """The picture of which `turn` made this. A view."""
    image = turned[:, ::-1] if which >= 4 else turned
    return np.rot90(image, -(which % 4))
