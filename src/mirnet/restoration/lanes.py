"""Several tiles at a time, in threads, while results come out in order."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from mirnet.restoration.stitch import RunTile
from mirnet.shapes import Image

AHEAD = 2
"""Tiles that wait for each lane, so that none stands idle where a row of tiles ends."""


class Lanes:
    """Threads that run tiles side by side. As `map`, but for this: it looks ahead a little.

    Args:
        count: how many tiles at a time.
    """

    def __init__(self, count: int) -> None:
        self._ahead = AHEAD * count
        self._pool = ThreadPoolExecutor(count, "mirnet-lane")

    def map(self, run: RunTile, tiles: Iterable[Image]) -> Iterator[Image]:
        """The results of `run`, in the order of the tiles, which are asked for in this thread.

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
            for each in waiting:  # what has begun would write into what the caller reads next
                with suppress(BaseException):
                    each.result()

    def close(self) -> None:
        """End the threads; tiles that have not begun are given up."""
        self._pool.shutdown(cancel_futures=True)
