"""Measure the time of each stage of a restoration."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STAGES = ("read", "pre", "inference", "tiling", "post", "write")
"""Stages in the order in which a picture passes through them; docs/benchmark.md describes them."""


class Clock:
    """Assigns time to one stage at any moment: a nested stage pauses the outer one.

    So the stages add up, however they are nested.

    Args:
        now: returns seconds since an arbitrary start.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self.seconds: dict[str, float] = {}
        """Seconds by stage, for the stages that occurred."""
        self._stage: str | None = None
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the work inside as this stage, one of `STAGES`."""
        outer = self._switch(name)
        try:
            yield
        finally:
            self._switch(outer)

    def _switch(self, name: str | None) -> str | None:
        """Switch to this stage; returns the one before."""
        now = self._now()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        before, self._stage, self._since = self._stage, name, now
        return before
