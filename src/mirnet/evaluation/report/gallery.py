"""Choose the pairs shown on the page as they are measured; memory holds only those."""

import heapq
import math

from mirnet.evaluation.report import views
from mirnet.evaluation.report.views import Views
from mirnet.evaluation.run import Measured, Pictures


class Gallery:
    """All pairs; or, if there are more than `limit`, three kinds in equal parts.

    Those with the smallest gain of the first method over the input, those with the largest gain,
    and some at regular intervals, so that neither failures nor lucky cases alone are shown.

    Args:
        limit: maximum number of pairs shown.
        total: total number of pairs.
    """

    def __init__(self, *, limit: int, total: int) -> None:
        self.shown: dict[int, Views] = {}
        """Views by the index of the pair among all measured pairs, counted from 0."""
        self._extremes = 0 if total <= limit else limit // 3
        even = min(limit, total) - 2 * self._extremes
        self._even = frozenset(k * total // even for k in range(even))
        self._count = 0
        self._least: list[tuple[float, int]] = []
        self._most: list[tuple[float, int]] = []

    def show(self, measured: Measured, pictures: Pictures) -> None:
        """Consider the next measured pair; its pixels are not kept."""
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
    """Gain in dB of the first method over the input; 0 if both equal the truth."""
    first = next(iter(measured.outcomes.values()))
    gain = first.scores.psnr - measured.input.psnr
    return 0.0 if math.isnan(gain) else gain
