"""Means of many pairs, for the input and for each method."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mirnet.evaluation.method import INPUT, Method
from mirnet.evaluation.run import Failed, Measured
from mirnet.evaluation.scores import Means


@dataclass
class Column:
    """Means of one method over many pairs, or of the input."""

    means: Means = field(default_factory=Means)
    seconds: float = 0.0


class Summary:
    """Means of one data set, or of all of them.

    A pair that failed for one method is excluded for all, so that all means are of the same pairs.
    """

    def __init__(self, methods: Sequence[Method]) -> None:
        self.columns = {name: Column() for name in (INPUT, *(each.name for each in methods))}
        """Columns by name; the input first."""
        self.failed = 0
        self.megapixels = 0.0

    def add(self, result: Measured | Failed) -> None:
        """Add one pair; failed pairs are counted and left out of the means."""
        if isinstance(result, Failed):
            self.failed += 1
            return
        self.megapixels += result.height * result.width / 1e6
        self.columns[INPUT].means.add(result.input)
        for name, outcome in result.outcomes.items():
            self.columns[name].means.add(outcome.scores)
            self.columns[name].seconds += outcome.seconds

    @property
    def pairs(self) -> int:
        """Number of pairs measured."""
        return self.columns[INPUT].means.count

    def seconds_per_megapixel(self, name: str) -> float | None:
        """Restoration time over all pixels so far; None for the input and before the first pair."""
        if name == INPUT or not self.megapixels:
            return None
        return self.columns[name].seconds / self.megapixels
