"""Files that appear complete or not at all, even after errors; and free disk space."""

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path

from mirnet.system import locks, streams

PART = re.compile(r"\.mirnet-[0-9a-f]{16}\.part")
"""Names of hidden files and folders."""


@contextmanager
def hidden(path: Path, name: str | None = None) -> Iterator[Path]:
    """An empty file next to `path`, which is removed afterwards, unless it was renamed.

    Args:
        path: path of the final file.
        name: name of the hidden file, to reuse the one that a killed process left; by default a new
            name, by which `remove_stale` knows it.

    Raises:
        OSError: if the folder takes no file.
    """
    place = path.with_name(name or _hidden_name())
    with _told_as(path, place), ExitStack() as stack:
        stack.callback(place.unlink, missing_ok=True)
        if name is None:
            stack.enter_context(locks.holding(place))
        place.touch()  # with default permissions, unlike tempfile's
        yield place


@contextmanager
def hidden_folder(folder: Path) -> Iterator[Path]:
    """A new hidden folder inside another; it is removed afterwards with what is in it.

    Raises:
        OSError: if it cannot be made.
    """
    place = folder / _hidden_name()
    with locks.holding_folder(place):
        yield place


def _hidden_name() -> str:
    return f".mirnet-{secrets.token_hex(8)}.part"


def remove_stale(folder: Path) -> None:
    """Remove the hidden files and folders that killed processes left in a folder, if it exists."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            usual = entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
            if usual and PART.fullmatch(entry.name):
                locks.remove_unheld(Path(entry.path))


@contextmanager
def replacing(path: Path, name: str | None = None) -> Iterator[Path]:
    """A `hidden` file to write, which replaces `path` after success.

    Until then, and after any error, `path` is unchanged. What is no regular file is never replaced:
    a link stays and what it points to is replaced; pipes and character devices are opened at once,
    and receive the content after success; others are refused.

    Raises:
        OSError: if folder or disk do not take the file, or `path` is a folder or a block device.
    """
    if is_stream(path):
        with _open_stream(path) as stream, tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / "part"
            part.touch()
            yield part
            try:
                _copy(part, stream)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from error
        return
    check(path)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    with hidden(target, name) as part:
        yield part
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.replace(target)


def check(path: Path) -> None:
    """Check that a file can stand here as far as what stands here now is concerned.

    Raises:
        OSError: if it is a folder, a block device or a socket.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file() and not is_stream(path):
        raise OSError(errno.EEXIST, "it is neither a file nor a pipe", str(path))


def is_stream(path: Path) -> bool:
    """Whether the path is standard output, a pipe or a character device such as /dev/null.

    Raises:
        OSError: if it cannot be found out, as with a name that is too long.
    """
    if streams.is_stdout(path):
        return True
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _open_stream(path: Path) -> FileIO:
    return streams.open_stdout() if streams.is_stdout(path) else path.open("wb", buffering=0)


def _copy(part: Path, stream: FileIO) -> None:
    with part.open("rb") as file:
        while data := memoryview(file.read(1 << 20)):
            while data:  # a pipe may take less than all of it at once
                data = data[stream.write(data) :]


@contextmanager
def _told_as(path: Path, place: Path) -> Iterator[None]:
    """Errors name `path`, since nobody has heard of `place`.

    Raises:
        OSError: of the same kind as inside.
    """
    try:
        yield
    except OSError as error:
        if error.filename not in (place, str(place)):
            raise
        reason = error.strerror
        if not path.parent.is_dir():
            reason = "its folder does not exist"
        raise OSError(error.errno, reason, str(path)) from error


def place_together(parts: Sequence[Path], folder: Path) -> None:
    """Rename finished files from one folder into another on the same disk: all or none.

    Raises:
        OSError: if one cannot take its place; then `folder` holds what it held before.
    """
    with tempfile.TemporaryDirectory(dir=parts[0].parent) as kept:
        old = [Path(kept) / part.name for part in parts]
        for part, copy in zip(parts[:-1], old, strict=False):  # after the last, none can fail
            if (folder / part.name).is_file():
                shutil.copy2(folder / part.name, copy)
        placed = 0
        try:
            for part in parts:
                part.replace(folder / part.name)
                placed += 1
        except BaseException:
            for copy in old[:placed]:
                if copy.exists():
                    copy.replace(folder / copy.name)
                else:
                    (folder / copy.name).unlink()
            raise


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk of a folder, which may not exist yet."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
