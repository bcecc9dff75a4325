"""What is varied between two looks at the same picture."""

import numpy as np
from jaxtyping import Shaped

TURNS = 8
"""The symmetries of a square."""


def turn(image: Shaped[np.ndarray, "h w c"], which: int) -> Shaped[np.ndarray, "h2 w2 c"]:
    """One of the square's eight symmetries: a quarter turn `which` % 4 times, mirrored from 4 on.

    A view: nothing is copied.
    """
    turned = np.rot90(image, which % 4)
    return turned[:, ::-1] if which >= 4 else turned
