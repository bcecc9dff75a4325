"""Files that appear whole or not at all, whatever happens while they are written; room for them."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hidden(path: Path, name: str | None = None) -> Iterator[Path]:
    """An empty file beside `path` that is gone afterwards, unless it was renamed.

    Args:
        path: what the file is for.
        name: of the hidden file, where the one that a killed process left is to be used again; a
            new one by default.

    Raises:
        OSError: if the folder takes no file.
    """
    place = path.with_name(name or f".{secrets.token_hex(8)}.part")
    try:
        place.touch(exist_ok=bool(name))  # with the usual rights, which tempfile would not give
        yield place
    finally:
        place.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path, name: str | None = None) -> Iterator[Path]:
    """A `hidden` file to write, which takes the place of `path` once that went without an error.

    Until then, and after any error, `path` is what it was.

    Raises:
        OSError: if folder or disk do not take the file.
    """
    with hidden(path, name) as part:
        yield part
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.replace(path)


def free_bytes(folder: Path) -> int:
    """What is free on the disk of a folder, which may not be there yet."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
