"""Where pictures come from and go to: a folder, or a prefix of an object store.

Both are used through `Place`. Names are relative, with slashes.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from mirnet.errors import DataError
from mirnet.system import files

URL = re.compile(r"(?P<scheme>s3|gs|az)://?(?P<rest>.+)")
"""An address in an object store. `Path` turns two slashes into one."""

CHUNK = 1 << 20
"""Bytes that are read at a time."""

STORE_SECONDS = 180.0
"""Seconds for which requests to an object store are repeated by default."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a listing."""

    name: str
    size: int
    """Bytes."""
    fingerprint: str
    """Changes with the content: the ETag, or size and time of modification."""


Report = Callable[[OSError], None]
"""Called with the error of a folder that cannot be read."""


@runtime_checkable
class Place(Protocol):
    """A folder, or a prefix of an object store. Picklable by its `url` alone: see `open_place`."""

    url: str
    """Address, by which other machines open the same place."""

    def list(self, prefix: str = "", *, report: Report | None = None) -> Iterator[Entry]:
        """The files below a prefix that ends in a slash, in any order, one at a time.

        Without a prefix, files and folders whose names start with a dot are left out.

        Args:
            prefix: part of the place to list.
            report: told about subfolders that cannot be read, which are then left out; with None,
                the first one raises its error.

        Raises:
            OSError: if it cannot be read; FileNotFoundError if it is not there.
        """
        ...

    def fetch(self, name: str, folder: Path) -> tuple[Path, str]:
        """A local file with the content, and the fingerprint of that content.

        Args:
            name: which file.
            folder: where a copy may be put, if one is needed.

        Raises:
            OSError: if it cannot be read; FileNotFoundError if it is not there.
        """
        ...

    def work_folder(self) -> Path:
        """A local folder for unfinished files, such that `send` can move them."""
        ...

    def send(self, path: Path, name: str, *, replace: bool) -> bool:
        """Move a finished local file here, complete or not at all.

        Returns:
            False if a file of this name exists and should not be replaced.

        Raises:
            OSError: if it cannot be written.
        """
        ...

    def read(self, name: str) -> bytes:
        """The content of a small file.

        Raises:
            OSError: if it cannot be read; FileNotFoundError if it is not there.
        """
        ...

    def write(self, name: str, content: bytes, *, replace: bool = True) -> bool:
        """Write a small file, complete or not at all; see `send`."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Remove files; those that are gone already do not matter."""
        ...

    def digest(self, name: str) -> tuple[str, int]:
        """SHA-256 in hexadecimal digits, and the number of bytes.

        Raises:
            OSError: if it cannot be read; FileNotFoundError if it is not there.
        """
        ...


def open_place(text: str, *, store_seconds: float = STORE_SECONDS) -> Place:
    """Open a folder or an address such as `s3://bucket/prefix`.

    Args:
        text: a path, or an address that starts with s3://, gs:// or az://.
        store_seconds: seconds for which requests to an object store are repeated.

    Raises:
        DataError: if the address is none.
        RuntimeMissingError: if the package for object stores is missing.
    """
    if found := URL.fullmatch(text):
        from mirnet.cluster.stores import Store

        return Store(f"{found['scheme']}://{found['rest'].rstrip('/')}", store_seconds)
    if "://" in text:
        raise DataError(f"{text} cannot be opened: give a folder, or s3://, gs:// or az://")
    return Folder(Path(text))


class Folder:
    """A folder on this machine, or on a disk that all machines share.

    Args:
        path: the folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.url = str(self.path)

    def list(self, prefix: str = "", *, report: Report | None = None) -> Iterator[Entry]:
        """See `Place`. Links to folders are not followed."""
        top = self.path / prefix
        folders = [top]
        while folders:
            folder = folders.pop()
            try:
                yield from self._scan(folder, folders)
            except OSError as error:
                if prefix and isinstance(error, FileNotFoundError):
                    continue
                if report is None or folder == top:
                    raise
                report(error)

    def _scan(self, folder: Path, folders: MutableSequence[Path]) -> Iterator[Entry]:
        """The files of one folder; its subfolders are added to `folders`."""
        with os.scandir(folder) as entries:  # one at a time: a folder may hold millions
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                    continue
                name = Path(entry.path).relative_to(self.path).as_posix()
                try:
                    found = entry.stat() if entry.is_file() else None
                except FileNotFoundError:  # a link to nothing, or removed meanwhile
                    continue
                except OSError:  # listed, so that reading it fails and is told
                    yield Entry(name, 0, "")
                    continue
                if found:
                    yield Entry(name, found.st_size, _fingerprint(found))

    def fetch(self, name: str, folder: Path) -> tuple[Path, str]:
        """See `Place`. No copy is made."""
        path = self.path / name
        return path, _fingerprint(path.stat())

    def work_folder(self) -> Path:
        """See `Place`."""
        folder = self.path / ".mirnet" / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def send(self, path: Path, name: str, *, replace: bool) -> bool:
        """See `Place`."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if replace:
            path.replace(target)
            return True
        try:
            os.link(path, target)  # unlike a rename, it fails if the target exists
        except FileExistsError:
            return False
        except OSError:  # no hard links on this file system
            if target.exists():
                return False
            path.replace(target)
        else:
            path.unlink()
        return True

    def read(self, name: str) -> bytes:
        """See `Place`."""
        return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes, *, replace: bool = True) -> bool:
        """See `Place`."""
        work = self.work_folder()
        with files.hidden(work / "small") as part:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            return self.send(part, name, replace=replace)

    def remove(self, names: Sequence[str]) -> None:
        """See `Place`."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def digest(self, name: str) -> tuple[str, int]:
        """See `Place`."""
        return digest(self.path / name)


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 of a local file in hexadecimal digits, and its number of bytes.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return sha256, file.tell()


def inside(place: Place, other: Place) -> str:
    """The prefix under which `place` lies inside `other`, ending in a slash; "" if it does not."""
    outer = other.url.rstrip("/") + "/"
    return place.url[len(outer) :] + "/" if place.url.startswith(outer) else ""


def _fingerprint(found: os.stat_result) -> str:
    return f"{found.st_size}-{found.st_mtime_ns}"
