"""Tell complete files from those that are still being copied."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mirnet.system import writers


@dataclass(frozen=True)
class Version:
    """What tells one content of a file from the next without reading it."""

    size: int
    """Bytes."""
    modified: int
    """Time of the last change in nanoseconds, as the file system says."""


def version_of(path: Path) -> Version | None:
    """The present version of a file; None if it is gone, unreadable or empty."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Version(status.st_size, status.st_mtime_ns) if status.st_size else None


class Arrivals:
    """Files that were seen and wait until they are complete.

    A file is complete when its size and time of change have stayed the same for a while and, where
    the system tells, no program has it open for writing. An empty file is never complete.

    Args:
        settle: seconds without a change.
        clock: the time in seconds.
    """

    def __init__(self, settle: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._settle = settle
        self._clock = clock
        self._seen: dict[Path, tuple[Version, float]] = {}

    @property
    def are_waiting(self) -> bool:
        """Whether files wait to become complete."""
        return bool(self._seen)

    def complete(self, found: Mapping[Path, Version]) -> list[Path]:
        """The complete files among those found, in the same order; the others go on waiting.

        A file that was returned starts anew if it is found again, and so does one that is not found
        at times.
        """
        now = self._clock()
        self._seen = {
            path: (version, self._since(path, version, now)) for path, version in found.items()
        }
        complete = [
            path
            for path, (_, since) in self._seen.items()
            if now - since >= self._settle and not writers.is_being_written(path)
        ]
        for path in complete:
            del self._seen[path]
        return complete

    def _since(self, path: Path, version: Version, now: float) -> float:
        seen, since = self._seen.get(path, (version, now))
        return since if seen == version else now
