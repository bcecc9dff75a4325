"""What was handled, on disk, so that nothing is handled twice, whenever the program ends."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mirnet.watch.arrivals import Version

Status = Literal["started", "restored", "skipped", "failed"]
Identity = list[int]
"""Inode and time of change of a result: another file has another one."""


@dataclass(frozen=True)
class Entry:
    """The last that is known of a picture."""

    version: Version
    status: Status


class Journal:
    """A file with one JSON object a line, which only grows.

    A line is written before a picture is restored and another one afterwards. If there is no
    second line, the process was killed; whether the result was complete by then shows in the file
    that is at its place. Failures count while the process runs: the next one tries again.

    Args:
        path: the file; created with the first line.

    Raises:
        OSError: if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, Entry] = {}
        self._makers: dict[str, str] = {}
        """Source of each result that was written here."""
        self._is_torn = False
        if path.exists():
            self._load(path.read_bytes())

    def is_handled(self, source: Path, version: Version) -> bool:
        """Whether this version was restored or skipped, or has failed since the start."""
        entry = self._entries.get(str(source))
        return entry is not None and entry.version == version and entry.status != "started"

    def maker(self, target: Path) -> Path | None:
        """The picture whose result was written here; None if it was no result of ours."""
        source = self._makers.get(str(target))
        return None if source is None else Path(source)

    def begin(self, source: Path, version: Version, target: Path) -> None:
        """Note that a picture is about to be restored.

        Raises:
            OSError: if the disk is full, or takes no file.
        """
        self._note(source, version, target, "started", before=_identity(target))

    def finish(self, source: Path, version: Version, target: Path, status: Status) -> None:
        """Note what came of it.

        Raises:
            OSError: as `begin` does.
        """
        self._note(source, version, target, status)

    def _note(
        self, source: Path, version: Version, target: Path, status: Status, **more: Identity | None
    ) -> None:
        record = {
            "source": str(source),
            "size": version.size,
            "modified": version.modified,
            "target": str(target),
            "status": status,
        }
        line = json.dumps(record | more) + "\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}" if self._is_torn else line)
            file.flush()
            os.fsync(file.fileno())
        self._is_torn = False
        self._take(record | more)

    def _take(self, record: dict[str, Any]) -> None:
        source, target = record["source"], record["target"]
        version = Version(record["size"], record["modified"])
        self._entries[source] = Entry(version, record["status"])
        if record["status"] == "restored":
            self._makers[target] = source

    def _load(self, content: bytes) -> None:
        self._is_torn = not content.endswith(b"\n")
        begun: dict[str, dict[str, Any]] = {}
        for line in content.splitlines():
            try:
                record = json.loads(line)
                self._take(record)
            except (ValueError, KeyError, TypeError):
                continue  # the process was killed in the middle of the line
            begun.pop(record["source"], None)
            if record["status"] == "started":
                begun[record["source"]] = record
        for record in begun.values():
            now = _identity(Path(record["target"]))
            if now is not None and now != record.get("before"):
                self._take(record | {"status": "restored"})
        self._entries = {
            source: entry for source, entry in self._entries.items() if entry.status != "failed"
        }


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_ino, status.st_mtime_ns]
