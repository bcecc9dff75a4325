"""Which pairs the page shows, chosen while they go by: memory holds those shown, no more."""

import heapq
import math

from mirnet.evaluation.report import views
from mirnet.evaluation.report.views import Views
from mirnet.evaluation.run import Measured, Pictures


class Gallery:
    """All pairs; or, of more than `limit`, three kinds in equal parts.

    Those where the first method gains least over the input, those where it gains most, and some
    at even distances, so that neither mishap nor luck alone is seen.

    Args:
        limit: how many pairs are shown at most.
        total: how many there are.
    """

    def __init__(self, *, limit: int, total: int) -> None:
        self.shown: dict[int, Views] = {}
        """By the number of the pair among those that were measured, counted from 0."""
        self._extremes = 0 if total <= limit else limit // 3
        even = min(limit, total) - 2 * self._extremes
        self._even = frozenset(k * total // even for k in range(even))
        self._count = 0
        self._least: list[tuple[float, int]] = []
        self._most: list[tuple[float, int]] = []

    def show(self, measured: Measured, pictures: Pictures) -> None:
        """The next pair that was measured; its pixels are not kept."""
        number, gain = self._count, _gain(measured)
        self._count += 1
        for heap, rank in ((self._least, -gain), (self._most, gain)):
            heapq.heappush(heap, (rank, number))
            if len(heap) > self._extremes:
                heapq.heappop(heap)
        wanted = self._even.union(each for _, each in (*self._least, *self._most))
        if number in wanted:
            self.shown[number] = views.make(pictures)
        self.shown = {each: view for each, view in self.shown.items() if each in wanted}


def _gain(measured: Measured) -> float:
    """In dB, of the first method over the input; 0 where both equal the truth."""
    first = next(iter(measured.outcomes.values()))
    gain = first.scores.psnr - measured.input.psnr
    return 0.0 if math.isnan(gain) else gain
