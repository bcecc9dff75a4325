"""From the runs of a runtime to the figures that are told."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """A picture that went through one runtime; of a batch, its share."""

    runtime: str
    round: int
    """Rounds are counted from 1; those before warmed up."""
    seconds: Mapping[str, float]
    """By stage."""
    whole: float
    """Seconds from a file to a file."""


@dataclass(frozen=True)
class Spread:
    """Of the same thing, measured several times."""

    median: float
    min: float
    max: float


@dataclass(frozen=True)
class StageFigures:
    """What was measured of one runtime, in seconds a picture."""

    stages: Mapping[str, Spread]
    """By stage, without those that there were not."""
    whole: Spread
    us_per_pixel: float
    """Microseconds, of the whole."""
    megapixels_per_second: float
    images_per_second: float


def spread(values: Sequence[float]) -> Spread:
    """Median, least and most of at least one value.

    >>> spread([3.0, 1.0, 2.0, 9.0])
    Spread(median=2.5, min=1.0, max=9.0)
    """
    return Spread(statistics.median(values), min(values), max(values))


def figures(runs: Iterable[Run], pixels: int) -> StageFigures:
    """Those of the runs after the warm-up, at least one, of pictures of so many pixels.

    Each figure is a median of its own: those of the stages add up to about that of the whole.
    """
    counted = [run for run in runs if run.round > 0]
    whole = spread([run.whole for run in counted])
    return StageFigures(
        stages={
            stage: spread([run.seconds[stage] for run in counted]) for stage in counted[0].seconds
        },
        whole=whole,
        us_per_pixel=whole.median / pixels * 1e6,
        megapixels_per_second=pixels / whole.median / 1e6,
        images_per_second=1 / whole.median,
    )
