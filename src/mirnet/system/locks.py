"""Locks on files and folders, which the system drops when their holder ends, however it ends.

Another process is kept out on this machine, and where the file system says so on others. On Windows
and on file systems without locks nobody is kept out.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_held: set[int] = set()
"""Descriptors that hold a lock in this process."""


class HeldError(Exception):
    """Another process, or another part of this one, holds the lock."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note
        """What the holder wrote into the file."""


@contextmanager
def holding(path: Path, note: str = "") -> Iterator[None]:
    """Hold the lock on a file, which is created if needed and removed afterwards if still there.

    Where there are no locks, the file may not be created either.

    Args:
        path: the file.
        note: becomes the content of the file, for others to read; an empty one leaves the file
            as it is.

    Raises:
        HeldError: if it is held already.
        OSError: if the folder takes no file.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = _locked(path)
    _held.add(descriptor)
    try:
        if note:
            os.truncate(descriptor, 0)
            os.write(descriptor, note.encode(errors="backslashreplace"))
        yield
    finally:
        with suppress(OSError):
            if _is_at(path, descriptor):  # not renamed by now
                path.unlink()
        _held.discard(descriptor)
        os.close(descriptor)


@contextmanager
def holding_folder(path: Path) -> Iterator[None]:
    """Make a folder and hold the lock on it; remove it with its content afterwards.

    Raises:
        OSError: if it cannot be made.
    """
    if sys.platform == "win32":
        path.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(path, ignore_errors=True)
        return
    descriptor = _locked(path, folder=True)
    _held.add(descriptor)
    try:
        yield
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _held.discard(descriptor)
        os.close(descriptor)


def remove_unheld(path: Path) -> None:
    """Remove a file that `holding` made, or a folder that `holding_folder` made.

    It stays if its lock is held, or if there are no locks here.
    """
    if sys.platform == "win32":
        return
    with suppress(OSError):  # somebody else may have been faster, or it is held
        mode = os.O_RDONLY if path.is_dir() else os.O_RDWR
        descriptor = os.open(path, mode | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(path, descriptor):
                return
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        finally:
            os.close(descriptor)


def _locked(path: Path, *, folder: bool = False) -> int:
    """A descriptor that holds the lock on the file or folder that is at `path` by then."""
    while True:
        if folder:
            path.mkdir(exist_ok=True)
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        else:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if _took(descriptor, path) and _is_at(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another process removed it between the two calls


def _took(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not _is_at(path, descriptor):
            return False
        raise HeldError(os.read(descriptor, 1000).decode(errors="backslashreplace")) from None
    except OSError:
        return True  # no locks on this file system
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _let_go() -> None:
    """A fork shares its parent's descriptors, and would hold the locks beyond the parent's end."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
