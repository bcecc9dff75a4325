"""The pictures shown of a pair: a window of each at full resolution, as JPEG."""

from base64 import b64encode
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from mirnet.evaluation.method import INPUT
from mirnet.evaluation.run import Pictures
from mirnet.pictures import codec, pixels
from mirnet.shapes import Image

WINDOW = 512
"""Side of the windows in pixels: the middle of larger pictures, since downscaling removes noise."""

AMPLIFIED = 10
"""Factor by which errors are amplified; unamplified, they would be invisible."""

TRUTH = "truth"
QUALITY = 95
"""JPEG quality; without chroma subsampling, because noise is in the colours too."""


@dataclass(frozen=True)
class Views:
    """Pictures of one pair, ready for the page."""

    height: int
    width: int
    """Width of the window."""
    pictures: dict[str, str]
    """Data URLs of the input, the truth, and the methods' results by name."""
    errors: dict[str, str]
    """Absolute differences to the truth, of the input and of the methods by name."""


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
    encoded = codec.encode(pixels.from_float(image, np.uint8), "jpeg", quality=QUALITY)
    return "data:image/jpeg;base64," + b64encode(encoded).decode("ascii")
