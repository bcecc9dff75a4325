"""Scores of a picture, and their means over many pictures."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from mirnet import metrics
from mirnet.errors import ShapeError
from mirnet.pictures import pixels
from mirnet.shapes import Image

Distance = Callable[[Image, Image], float]
"""Distance of a picture to the truth, both h w 3, in 0..1."""


@dataclass(frozen=True)
class Scores:
    """One picture against the truth, and its noise; `PROTOCOLS` says how each is measured."""

    psnr: float
    """In dB, infinite for equal pictures."""
    psnr_8bit: float
    """In dB, infinite for pictures that are equal after rounding."""
    psnr_y: float
    """In dB, infinite for pictures whose luma is equal after rounding."""
    ssim: float
    ssim_y: float
    ssim_volume: float
    noise: float
    """Estimated standard deviation, in levels of 255, without reference to the truth."""
    lpips: float | None = None
    """None if it was not requested."""
    ssim_uniform: float | None = None
    mae: float | None = None
    """Mean absolute error, as a fraction of the range. These two are None except for pairs of two
    views, for which papers report them."""
    psnr_matched: float | None = None
    ssim_matched: float | None = None
    """As `psnr` and `ssim`, after the result was made as bright as the truth; None if that was not
    requested."""


@dataclass(frozen=True)
class Figure:
    """A number that has a column and a mean."""

    key: str
    """Its field in `Scores`, if it is one."""
    heading: str
    digits: int
    meaning: str
    """How it is measured; the mean over pictures is taken last."""
    better: str
    """`more` or `less`."""
    is_optional: bool = False
    """Whether it is shown only where it was measured."""


FIGURES = (
    Figure(
        "psnr",
        "PSNR",
        2,
        "dB over all pixels and channels, float in 0..1, clipped, not rounded",
        "more",
    ),
    Figure(
        "psnr_8bit",
        "PSNR-8",
        2,
        "dB over all pixels and channels, both pictures rounded to 8 bits",
        "more",
    ),
    Figure(
        "psnr_y",
        "PSNR-Y",
        2,
        "dB on Y of BT.601, as BasicSR's test_y_channel=True, both pictures rounded to 8 bits",
        "more",
    ),
    Figure(
        "ssim",
        "SSIM",
        4,
        "mean of the channels, Gaussian 11x11 of sigma 1.5, windows inside the picture, float",
        "more",
    ),
    Figure(
        "ssim_y", "SSIM-Y", 4, "on Y of BT.601, as BasicSR's test_y_channel=True, float", "more"
    ),
    Figure(
        "ssim_volume",
        "SSIM-vol",
        4,
        "as MATLAB's ssim of the h w 3 array, Gaussian 11x11x11 of sigma 1.5, float",
        "more",
    ),
    Figure(
        "noise",
        "noise",
        2,
        "estimated from the picture alone over three octaves, levels of 255, mean of R, G, B",
        "less",
    ),
    Figure(
        "lpips", "LPIPS", 4, "LPIPS of version 0.1 with AlexNet, float", "less", is_optional=True
    ),
    Figure(
        "ssim_uniform",
        "SSIM-uni",
        4,
        "mean of the channels, uniform 7x7, as scikit-image's structural_similarity, float",
        "more",
        is_optional=True,
    ),
    Figure(
        "mae",
        "MAE",
        4,
        "mean absolute error over all pixels and channels, float in 0..1",
        "less",
        is_optional=True,
    ),
    Figure(
        "psnr_matched",
        "PSNR-lit",
        2,
        "as PSNR, after multiplying the result until its mean grey is that of the truth",
        "more",
        is_optional=True,
    ),
    Figure(
        "ssim_matched",
        "SSIM-lit",
        4,
        "as SSIM, after multiplying the result until its mean grey is that of the truth",
        "more",
        is_optional=True,
    ),
)
"""Figures of `Scores`, in the order of its fields."""

PROTOCOLS: Mapping[str, str] = {figure.key: figure.meaning for figure in FIGURES}
"""How each score is measured."""


def measure(
    picture: Image,
    truth: Image,
    *,
    lpips: Distance | None = None,
    shave: int = 0,
    is_dual: bool = False,
    match_light: bool = False,
) -> Scores:
    """Compute the scores of a picture: h w 3, in 0..1, like the truth.

    Args:
        picture: the picture to measure.
        truth: of the same shape.
        lpips: measures LPIPS, such as `perceptual.Lpips`; None to omit it.
        shave: pixels along each border that are left out, as papers on super-resolution leave out
            as many as their scale.
        is_dual: whether to compute what papers on dual-pixel deblurring report, too: `ssim_uniform`
            and `mae`.
        match_light: whether to compute `psnr_matched` and `ssim_matched`, too.

    Raises:
        ShapeError: if the shapes differ, or a side is too short for SSIM or LPIPS.
    """
    if shave and min(picture.shape[:2]) <= 2 * shave:
        raise ShapeError(f"{picture.shape} has nothing left without {shave} pixels on each side")
    if shave:
        picture, truth = (image[shave:-shave, shave:-shave] for image in (picture, truth))
    matched = metrics.match_light(picture, truth) if match_light else None
    rounded = tuple(pixels.from_float(image, np.uint8) for image in (picture, truth))
    return Scores(
        metrics.psnr(picture, truth, data_range=1.0),
        metrics.psnr(*rounded, data_range=255),
        metrics.psnr_y(*rounded, data_range=255),
        metrics.ssim(picture, truth, data_range=1.0),
        metrics.ssim_y(picture, truth, data_range=1.0),
        metrics.ssim_volume(picture, truth, data_range=1.0),
        255 * metrics.noise_level(picture, data_range=1.0),
        lpips(picture, truth) if lpips else None,
        metrics.ssim_uniform(picture, truth, data_range=1.0) if is_dual else None,
        metrics.mae(picture, truth, data_range=1.0) if is_dual else None,
        None if matched is None else metrics.psnr(matched, truth, data_range=1.0),
        None if matched is None else metrics.ssim(matched, truth, data_range=1.0),
    )


def _zeros() -> dict[str, float]:
    return dict.fromkeys((f.name for f in fields(Scores)), 0.0)


def _counts() -> dict[str, int]:
    return dict.fromkeys((f.name for f in fields(Scores)), 0)


@dataclass
class Means:
    """Running means of scores; holds sums, no pictures.

    The infinite PSNR of equal pictures would make the mean infinite and mask all others, so it is
    left out and counted.
    """

    count: int = 0
    """Total number of pictures."""
    infinite: dict[str, int] = field(default_factory=_counts)
    """Number of pictures left out of each mean because their score is infinite."""
    _sums: dict[str, float] = field(default_factory=_zeros)
    _missing: set[str] = field(default_factory=set)

    def add(self, scores: Scores) -> None:
        """Add one picture."""
        self.count += 1
        for name in self._sums:
            value: float | None = getattr(scores, name)
            if value is None:
                self._missing.add(name)
            elif math.isinf(value):
                self.infinite[name] += 1
            else:
                self._sums[name] += value

    @property
    def scores(self) -> Scores | None:
        """The means; infinite if all pictures' scores are; None before the first picture."""
        if not self.count:
            return None
        return Scores(
            **{
                name: total / finite if (finite := self.count - self.infinite[name]) else math.inf
                for name, total in self._sums.items()
                if name not in self._missing
            }
        )
