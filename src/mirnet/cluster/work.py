"""What one worker does: slices of tasks in, rows into the manifest, counts out."""

import time
from collections import Counter
from dataclasses import dataclass, field

from mirnet.cluster import manifest
from mirnet.cluster.child import Brief
from mirnet.cluster.hands import Hands
from mirnet.cluster.manifest import DONE, Row
from mirnet.cluster.places import open_place
from mirnet.cluster.plan import Slice

ROWS_SECONDS = 10.0
"""Seconds of work that a worker may lose the rows of, if it dies."""

MESSAGES = 20
"""Failures of a slice that are passed on with their message."""


@dataclass
class Summary:
    """What became of a slice, or of several."""

    bucket: int = -1
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Number of failures by reason."""
    megapixels: float = 0.0
    seconds: float = 0.0
    """Seconds of restoring, of all workers together."""
    messages: list[str] = field(default_factory=list)
    """What failed, in lines."""

    def add(self, row: Row) -> None:
        """Count a row."""
        self.seconds += row.seconds
        if row.status == DONE:
            self.done += 1
            self.megapixels += row.megapixels
            if row.notes:
                self._tell(f"{row.path}: {row.notes}")
            return
        self.failed[row.reason] += 1
        self._tell(row.error)

    def include(self, other: "Summary") -> None:
        """Add the counts of another one; its messages are left out."""
        self.done += other.done
        self.failed.update(other.failed)
        self.megapixels += other.megapixels
        self.seconds += other.seconds

    def _tell(self, line: str) -> None:
        if len(self.messages) < MESSAGES:
            self.messages.append(line)


class Worker:
    """Works on slices.

    Args:
        brief: what its child processes use.
        seconds: most seconds that one picture may take; None for any number.
    """

    def __init__(self, brief: Brief, seconds: float | None) -> None:
        self._target = open_place(brief.target, store_seconds=brief.store_seconds)
        self._hands = Hands(brief, seconds)

    def work(self, part: Slice) -> Summary:
        """Do all tasks of a slice.

        Raises:
            StartError: if the model cannot be opened here.
            OSError: if the manifest cannot be written.
        """
        summary = Summary(part.bucket)
        rows: list[Row] = []
        written = time.monotonic()
        try:
            for task in part.tasks:
                rows.append(self._hands.restore(task))
                summary.add(rows[-1])
                if time.monotonic() - written > ROWS_SECONDS:
                    manifest.write(self._target, part.bucket, rows)
                    rows, written = [], time.monotonic()
        finally:  # an interruption, too, leaves the rows of what is done
            if rows:
                manifest.write(self._target, part.bucket, rows)
        return summary

    def close(self) -> None:
        """End the child process."""
        self._hands.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
