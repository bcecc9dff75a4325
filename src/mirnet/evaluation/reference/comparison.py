"""PSNR and SSIM of restored files, as read back after writing, against a reference.

So losses of the format are included, and results of earlier runs are measured like new ones. The
rows of both files stream; memory holds only some of them, however large the pictures are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean

import numpy as np

from mirnet import metrics
from mirnet.errors import DataError, MirnetError
from mirnet.evaluation import scores
from mirnet.pictures import codec, enlarging, pixels
from mirnet.pictures.source import Source
from mirnet.pictures.vips import shown
from mirnet.restoration.folder import FileResult
from mirnet.shapes import Image

BAND = 64
"""Rows compared at a time; more than the height of SSIM's window."""


SCALES = (2, 3, 4)
"""Factors by which restored pictures may be larger than their inputs."""


@dataclass(frozen=True)
class PairFigures:
    """Scores of one file against its reference; `PROTOCOLS` says how each is measured."""

    psnr: float
    """In dB, infinite for equal pictures."""
    ssim: float


PROTOCOLS: Mapping[str, str] = {
    field.name: f"{scores.PROTOCOLS[field.name]}, of the files as read back"
    for field in fields(PairFigures)
}
"""How each figure is measured: as `mirnet evaluate` does; the mean over pictures is taken last."""


@dataclass(frozen=True)
class Mean:
    """Mean of many figures.

    The infinite PSNR of equal pictures would mask all others, so it is left out and counted.
    """

    figures: PairFigures
    """Means of the scores; the PSNR is infinite if that of every picture is."""
    infinite: int
    """Number of pictures left out of the mean PSNR."""


@dataclass(frozen=True)
class Comparison:
    """One picture and its reference. Both scores are present, or neither is."""

    reference: Path
    input: PairFigures | None = None
    restored: PairFigures | None = None
    error: str = ""
    """Why it could not be measured; empty on success, and if nothing was restored."""


def compare(result: FileResult, reference: Path) -> Comparison:
    """Measure a picture's restored file, even one that existed before this run."""
    if result.status == "failed":
        return Comparison(reference)
    try:
        _refuse_other_kind(codec.open(result.source), codec.open(reference))
        before = measure(_as_large(codec.open(result.source), reference), codec.open(reference))
        after = measure(codec.open(result.target), codec.open(reference))
    except (MirnetError, OSError, MemoryError) as error:
        reason = str(error) or "not enough memory"
        return Comparison(
            reference, error=f"{shown(result.source)} could not be measured: {reason}"
        )
    return Comparison(reference, before, after)


def measure(picture: Source, truth: Source) -> PairFigures:
    """The scores of a picture; both sources must be freshly opened, and are read to their end.

    Alpha is left out, floats are clipped to 0..1 and NaN is black. If one of them is grey and the
    other is not, grey is repeated: WebP and AVIF hold no grey.

    Raises:
        DataError: if they differ in size.
        ShapeError: if a side is too short for SSIM.
        ImageError: if a file turns out to be damaged.
    """
    if (picture.height, picture.width) != (truth.height, truth.width):
        raise DataError(
            f"{picture.name} has {picture.width}x{picture.height} pixels, its reference "
            f"{truth.name} {truth.width}x{truth.height}"
        )
    height, width, channels = truth.height, truth.width, max(picture.channels, truth.channels)
    reach = len(metrics.WINDOW) - 1
    above = [np.empty((0, width, channels), np.float32)] * 2
    error, similarity = 0.0, 0.0
    for _ in range(0, height, BAND):
        new = [_read(source, channels) for source in (picture, truth)]
        error += float(np.sum(np.square(np.subtract(*new, dtype=np.float64))))
        # neighbouring bands share rows that the window spans, so each position is counted once
        bands = [np.concatenate(rows) for rows in zip(above, new, strict=True)]
        similarity += (len(bands[0]) - reach) * metrics.ssim(*bands, data_range=1.0)
        above = [rows[-reach:] for rows in bands]
    error /= height * width * channels
    return PairFigures(metrics.decibels(error, data_range=1.0), similarity / (height - reach))


def _as_large(picture: Source, reference: Path) -> Source:
    """The picture, enlarged by a bicubic filter if its reference is 2, 3 or 4 times as large."""
    truth = codec.open(reference)
    for scale in SCALES:
        if (truth.height, truth.width) == (scale * picture.height, scale * picture.width):
            return enlarging.enlarged(picture, scale)
    return picture


def mean(figures: Sequence[PairFigures]) -> Mean | None:
    """The mean over pictures, all with equal weight; None if there are none."""
    if not figures:
        return None
    finite = [each.psnr for each in figures if math.isfinite(each.psnr)]
    psnr = fmean(finite) if finite else math.inf
    ssim = fmean(each.ssim for each in figures)
    return Mean(PairFigures(psnr, ssim), len(figures) - len(finite))


def _refuse_other_kind(picture: Source, truth: Source) -> None:
    if picture.channels != truth.channels:
        names = {1: "grey", 3: "RGB"}
        raise DataError(
            f"{picture.name} is {names[picture.channels]}, its reference "
            f"{truth.name} {names[truth.channels]}"
        )


def _read(source: Source, channels: int) -> Image:
    """The next rows, with one channel, or with three even if the source is grey."""
    rows = np.clip(pixels.to_float(source.read(BAND)), 0, 1)
    image: Image = np.nan_to_num(rows, copy=False)
    return pixels.to_rgb(image) if channels == 3 else image
