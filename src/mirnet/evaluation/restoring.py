"""A whole picture through the restorer, as benchmarks want it: neither rounded nor beyond 0..1."""

import numpy as np

from mirnet.restoration.restorer import Restorer, Tally
from mirnet.shapes import Image, Pixels


def restore(restorer: Restorer, noisy: Image, tally: Tally) -> Image:
    """In float, so that nothing is rounded; clipped, since blending may be off by a last digit.

    Args:
        restorer: what is measured.
        noisy: h w 3, in 0..1.
        tally: counts the tiles.

    Raises:
        InferenceError: if the runtime fails.
    """
    height, width, _ = noisy.shape
    rest: Pixels = noisy

    def read(count: int) -> Pixels:
        nonlocal rest
        rows, rest = rest[:count], rest[count:]
        return rows

    bands = list(restorer.bands(read, height, width, tally=tally))
    restored: Image = np.clip(np.concatenate(bands), 0, 1)
    return restored
