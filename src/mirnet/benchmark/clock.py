"""How long each stage of a restoration takes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STAGES = ("read", "pre", "inference", "tiling", "post", "write")
"""In the order in which a picture goes through them; docs/benchmark.md says what each is."""


class Clock:
    """Time is one stage's at any moment: a stage inside another one stops that one's.

    So the stages add up, however they are nested.

    Args:
        now: seconds since whenever.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self.seconds: dict[str, float] = {}
        """By stage, for those that there were."""
        self._stage: str | None = None
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What happens inside is this stage, one of `STAGES`."""
        outer = self._switch(name)
        try:
            yield
        finally:
            self._switch(outer)

    def _switch(self, name: str | None) -> str | None:
        """From now on it is this stage; returns the one before."""
        now = self._now()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        before, self._stage, self._since = self._stage, name, now
        return before
