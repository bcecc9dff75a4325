"""Summary figures of a runtime, computed from its runs."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """A picture that passed through one runtime; for a batch, its share."""

    runtime: str
    round: int
    """Round, counted from 1; those before 1 are warm-up."""
    seconds: Mapping[str, float]
    """Seconds by stage."""
    whole: float
    """Seconds from file to file."""


@dataclass(frozen=True)
class Spread:
    """Spread of repeated measurements."""

    median: float
    min: float
    max: float


@dataclass(frozen=True)
class StageFigures:
    """Figures of one runtime, in seconds per picture."""

    stages: Mapping[str, Spread]
    """Spread by stage, without stages that did not occur."""
    whole: Spread
    us_per_pixel: float
    """Total time in microseconds per pixel."""
    megapixels_per_second: float
    images_per_second: float


def spread(values: Sequence[float]) -> Spread:
    """Median, minimum and maximum of at least one value.

    >>> spread([3.0, 1.0, 2.0, 9.0])
    Spread(median=2.5, min=1.0, max=9.0)
    """
    return Spread(statistics.median(values), min(values), max(values))


def figures(runs: Iterable[Run], pixels: int) -> StageFigures:
    """Figures of the runs after the warm-up, at least one, for pictures with this many pixels.

    Each figure is a separate median, so the stages add up only approximately to the total.
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
