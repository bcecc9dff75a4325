"""What the page shows of a pair: a window of each picture at its own pixels, as JPEG."""

from base64 import b64encode
from dataclasses import dataclass

import numpy as np
import pyvips
from jaxtyping import Float32

from mirnet.evaluation.method import INPUT
from mirnet.evaluation.run import Pictures
from mirnet.pictures import pixels
from mirnet.shapes import Image

WINDOW = 512
"""Pixels a side that are shown: the middle of larger pictures, since shrinking removes noise."""

AMPLIFIED = 10
"""Factor by which errors are amplified; unamplified, they would be invisible."""

TRUTH = "truth"
QUALITY = 95
"""JPEG quality; without chroma subsampling, because noise is in the colours too."""


@dataclass(frozen=True)
class Views:
    """One pair, ready for the page."""

    height: int
    width: int
    """Of what is shown."""
    pictures: dict[str, str]
    """Data URLs of the input, the truth, and by the names of the methods."""
    errors: dict[str, str]
    """The absolute difference to the truth, of the input and by the names of the methods."""


def make(shown: Pictures) -> Views:
    """Encode the windows of a pair."""
    truth = _window(shown.truth)
    results = {
        name: _window(image) for name, image in {INPUT: shown.noisy, **shown.restored}.items()
    }
    height, width, _ = truth.shape
    return Views(
        height,
        width,
        {name: _data_url(image) for name, image in (*results.items(), (TRUTH, truth))},
        {name: _data_url(AMPLIFIED * np.abs(image - truth)) for name, image in results.items()},
    )


def _window(image: Image) -> Float32[np.ndarray, "_ _ c"]:
    top, left = (max(length - WINDOW, 0) // 2 for length in image.shape[:2])
    return image[top : top + WINDOW, left : left + WINDOW]


def _data_url(image: Image) -> str:
    rows = np.ascontiguousarray(pixels.from_float(image, np.uint8))
    picture = pyvips.Image.new_from_array(rows).copy(interpretation="srgb")
    encoded = picture.jpegsave_buffer(Q=QUALITY, subsample_mode="off")
    return "data:image/jpeg;base64," + b64encode(encoded).decode("ascii")
