"""Millions of names without holding them: a listing spread over files on disk, by hash."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mirnet.cluster.places import Entry

BUCKETS = 256
"""Default number of buckets of a job. Ten million names are 39,000 a bucket."""

BUFFERED = 50_000
"""Entries that are held before they are written to disk."""


class Spool:
    """Entries by bucket, in files.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.count = 0
        """Number of entries."""
        self._folder = folder

    def fill(self, entries: Iterable[tuple[int, Entry]]) -> None:
        """Add entries, each with its bucket."""
        waiting: defaultdict[int, list[str]] = defaultdict(list)
        held = 0
        for bucket, entry in entries:
            waiting[bucket].append(json.dumps([entry.name, entry.size, entry.fingerprint]) + "\n")
            self.count += 1
            held += 1
            if held == BUFFERED:
                self._flush(waiting)
                held = 0
        self._flush(waiting)

    def buckets(self) -> list[int]:
        """The buckets that hold something, in order."""
        return sorted(int(path.name) for path in self._folder.iterdir())

    def read(self, bucket: int) -> list[Entry]:
        """The entries of a bucket, sorted by name."""
        path = self._folder / str(bucket)
        if not path.exists():
            return []
        with path.open(encoding="ascii") as file:
            return sorted((Entry(*json.loads(line)) for line in file), key=lambda each: each.name)

    def _flush(self, waiting: defaultdict[int, list[str]]) -> None:
        for bucket, lines in waiting.items():
            with (self._folder / str(bucket)).open("a", encoding="ascii") as file:
                file.writelines(lines)
        waiting.clear()


@contextmanager
def spooling() -> Iterator[Spool]:
    """An empty spool, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mirnet-names-") as folder:
        yield Spool(Path(folder))
