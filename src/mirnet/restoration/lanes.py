"""Run several tiles at a time in threads, and return the results in order."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from mirnet.restoration.stitch import RunTile
from mirnet.shapes import Image

AHEAD = 2
"""Tiles queued for each lane, so that no lane is idle at the end of a row of tiles."""


class Lanes:
    """Threads that run tiles in parallel. Like the built-in `map`, but looks a few tiles ahead.

    Args:
        count: number of tiles run at a time.
    """

    def __init__(self, count: int) -> None:
        self._ahead = AHEAD * count
        self._pool = ThreadPoolExecutor(count, "mirnet-lane")

    def map(self, run: RunTile, tiles: Iterable[Image]) -> Iterator[Image]:
        """The results of `run`, in the order of the tiles, which are fetched in this thread.

        Raises:
            Exception: whatever `run` raises, where its result would have come.
        """
        waiting: deque[Future[Image]] = deque()
        try:
            for tile in tiles:
                waiting.append(self._pool.submit(run, tile))
                if len(waiting) > self._ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
            for each in waiting:  # running tiles would write into what the caller reads next
                with suppress(BaseException):
                    each.result()

    def close(self) -> None:
        """Stop the threads; tiles that have not started are cancelled."""
        self._pool.shutdown(cancel_futures=True)
