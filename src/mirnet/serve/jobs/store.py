"""The server's folder: what clients sent and what they get, under names that we made.

Its contents never outlive the server: it is emptied at start, and while it runs by age and size.
"""

import contextlib
import fcntl
import os
import shutil
import uuid
from pathlib import Path

import platformdirs

from mirnet.errors import DataError
from mirnet.serve.problems import Problem
from mirnet.system.files import free_bytes

MARK = ".mirnet-serve"
"""A file that marks the folder as ours: no other is ever emptied. Locked while it is in use."""

FULL = "the server's disk is full: try again later"


class Store:
    """A private folder with one folder for each job.

    Args:
        root: the folder; made if needed, else empty or one that was used before.
        keep_free: bytes of the disk that stay free.

    Raises:
        DataError: if it holds other things, or another server uses it.
        OSError: if it cannot be made.
    """

    def __init__(self, root: Path, keep_free: int) -> None:
        self.root, self._keep_free = root, keep_free
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = root / MARK
        if not mark.exists() and any(root.iterdir()):
            raise DataError(f"{root} holds other files: give --data-dir an empty or a new folder")
        root.chmod(0o700)
        self._lock = mark.open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise DataError(f"another server uses {root}: give --data-dir another folder") from None
        self.empty()

    def empty(self) -> None:
        """Delete what earlier requests left."""
        for path in self.root.iterdir():
            if path.name != MARK:
                shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Delete everything, and let others use the folder."""
        self.empty()
        self._lock.close()

    def folder(self) -> Path:
        """A new folder for a job.

        Raises:
            Problem: if the disk is full.
        """
        self.check_space()
        path = self.root / uuid.uuid4().hex
        try:
            path.mkdir(mode=0o700)
        except OSError as error:
            raise Problem("no_space", FULL, retry_after=60) from error
        return path

    def check_space(self, wanted: int = 0) -> None:
        """Refuse work for which the disk has no room.

        Args:
            wanted: bytes that it will take.

        Raises:
            Problem: if they are not there.
        """
        if free_bytes(self.root) < wanted + self._keep_free:
            raise Problem("no_space", FULL, retry_after=60)


def temporary() -> Path:
    """A folder for one run, in the user's cache: the system's temporary one is often memory.

    Folders of earlier runs that were killed are deleted.

    Raises:
        OSError: if it cannot be made.
    """
    parent = platformdirs.user_cache_path("mirnet", appauthor=False) / "serve"
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in parent.iterdir():
        # one that another server uses is locked, and left alone
        with contextlib.suppress(DataError, OSError):
            Store(folder, 0).close()
            remove(folder)
    return parent / uuid.uuid4().hex


def size(folder: Path) -> int:
    """Bytes that a folder's files take on disk; 0 if it is gone."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                total += entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:
        return total
    return total


def remove(folder: Path) -> None:
    """Delete a job's folder."""
    shutil.rmtree(folder, ignore_errors=True)
