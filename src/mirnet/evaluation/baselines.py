"""Classic denoisers from their libraries, and filters that enlarge: what a model has to beat.

`bicubic` and `lanczos` enlarge by the scale of the models. Each denoiser needs the noise level. By
default this is the estimate of `metrics.noise_level` for each picture; `nlm:25` sets one level for
all pictures, in levels of 255.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mirnet import metrics
from mirnet.errors import DataError, InferenceError, RuntimeMissingError
from mirnet.evaluation.method import INPUT, Method, MethodFacts, MethodResult
from mirnet.pictures import enlarging, pixels
from mirnet.shapes import Image


@dataclass(frozen=True)
class Baseline:
    """A denoiser of another library; see `method.Method`."""

    name: str
    """As given by the user: `nlm`, `nlm:25`, ..."""
    kind: "Library"
    strength: float | None
    """In levels of 255; None to use the estimated noise of each picture."""

    @property
    def scale(self) -> int:
        return 1

    @property
    def views(self) -> int:
        return 1

    @property
    def facts(self) -> MethodFacts:
        return {
            "kind": "baseline",
            "model": self.kind.title,
            "parameters": 0,
            "runtime": self.kind.package,
            "strength": "estimated" if self.strength is None else self.strength,
        }

    def __call__(self, noisy: Image) -> MethodResult:
        strength = self.strength
        if strength is None:
            strength = 255 * metrics.noise_level(noisy, data_range=1.0)
        return MethodResult(self.kind.denoise(noisy, strength) if strength else noisy)


@dataclass(frozen=True)
class Filter:
    """A filter that enlarges; see `method.Method`."""

    name: str
    """One of `enlarging.KERNELS`."""
    scale: int

    @property
    def views(self) -> int:
        return 1

    @property
    def facts(self) -> MethodFacts:
        return {
            "kind": "baseline",
            "model": f"{self.name} interpolation",
            "parameters": 0,
            "runtime": "mirnet",
        }

    def __call__(self, noisy: Image) -> MethodResult:
        enlarged = enlarging.enlarge(noisy, self.scale, self.name)
        return MethodResult(np.clip(enlarged, 0, 1))


def _nlm(noisy: Image, strength: float) -> Image:
    """OpenCV's for colour, in Lab, 8 bits, windows of 7 and 21 pixels as its authors recommend."""
    import cv2

    # with any other channel order, the conversion to Lab would be wrong
    bgr = cv2.cvtColor(pixels.from_float(noisy, np.uint8), cv2.COLOR_RGB2BGR)
    denoised = cv2.fastNlMeansDenoisingColored(bgr, None, strength, strength, 7, 21)
    return pixels.to_float(np.asarray(cv2.cvtColor(denoised, cv2.COLOR_BGR2RGB)))


def _bm3d(noisy: Image, strength: float) -> Image:
    """BM3D for colour by its authors, with its default profile; for grey if the picture is grey."""
    import bm3d

    exact = noisy.astype(np.float64)
    if np.array_equal(noisy, np.roll(noisy, 1, axis=2)):
        # its colour version divides by the range of each opponent colour
        grey = bm3d.bm3d(exact[..., 0], strength / 255)
        denoised = np.repeat(grey.reshape(*noisy.shape[:2], 1), 3, axis=2)
    else:
        denoised = bm3d.bm3d_rgb(exact, strength / 255)
    if not np.isfinite(denoised).all():
        raise InferenceError("BM3D cannot restore it: a colour or the luminance is flat")
    restored: Image = np.clip(denoised, 0, 1).astype(np.float32)
    return restored


@dataclass(frozen=True)
class Library:
    """Facts about a baseline that are known before its library is imported."""

    title: str
    module: str
    package: str
    """Name of the package on package indexes."""
    install: str
    """Argument of `pip install` if it is missing."""
    denoise: Callable[[Image, float], Image]
    """Takes h w 3 in 0..1 and the noise in levels of 255; changes neither."""
    terms: str = ""
    """Licence terms that the user must know beforehand."""


KINDS = {
    "nlm": Library("non-local means", "cv2", "opencv-python-headless", "mirnet[evaluate]", _nlm),
    "bm3d": Library(
        "BM3D", "bm3d", "bm3d", "bm3d", _bm3d, " (its licence allows non-commercial use)"
    ),
}


def open_all(texts: Sequence[str], scale: int = 1) -> list[Method]:
    """Open baselines in the order given; `input` is not one, since it is always measured.

    Args:
        texts: names, see `open`.
        scale: by which filters enlarge; that of the models.

    Raises:
        DataError: if one is given twice; and as `open` does.
        RuntimeMissingError: as `open` does.
    """
    for index, text in enumerate(texts):
        if text in texts[:index]:
            raise DataError(f"the baseline {text} is given twice")
    return [open(text, scale) for text in texts if text != INPUT]


def open(text: str, scale: int = 1) -> Method:
    """Open a baseline by name, with the strength after a colon if it is the same for all pictures.

    Raises:
        DataError: if there is no such baseline, the strength is no number above 0, or a filter has
            nothing to enlarge.
        RuntimeMissingError: if its library is not installed.

    >>> open("nlm:25").strength
    25.0
    """
    name, colon, number = text.partition(":")
    if name == INPUT:
        raise DataError(f"{text}: the input is measured as it is and takes no strength")
    if text in enlarging.KERNELS:
        if scale == 1:
            raise DataError(f"the baseline {text} enlarges: measure a model that enlarges, too")
        return Filter(text, scale)
    if name not in KINDS:
        known = ", ".join((INPUT, *KINDS, *enlarging.KERNELS))
        raise DataError(f"no baseline {name!r}: choose {known}")
    kind = KINDS[name]
    try:
        __import__(kind.module)
    except ImportError:
        raise RuntimeMissingError(
            f'the baseline {name} needs {kind.package}: pip install "{kind.install}"{kind.terms}'
        ) from None
    return Baseline(text, kind, _level(text, number) if colon else None)


def _level(text: str, number: str) -> float:
    try:
        level = float(number)
    except ValueError:
        level = math.nan
    if not 0 < level <= 255:
        raise DataError(f"{text}: after the colon comes the noise in levels of 255, such as 25")
    return level
