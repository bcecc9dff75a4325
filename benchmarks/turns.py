"""Time several things in turns: whatever else the machine does meets them alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Key = TypeVar("Key")


def median_seconds(
    steps: Mapping[Key, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Key, float]:
    """The median of each; all are done once before that counts."""
    seconds: dict[Key, list[float]] = {key: [] for key in steps}
    for count in range(-1, rounds):
        for key, step in steps.items():
            started = clock()
            step()
            if count >= 0:
                seconds[key].append(clock() - started)
    return {key: statistics.median(each) for key, each in seconds.items()}
