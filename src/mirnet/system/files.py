"""Files that appear complete or not at all, even after errors; and free disk space."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hidden(path: Path, name: str | None = None) -> Iterator[Path]:
    """An empty file next to `path`, which is removed afterwards, unless it was renamed.

    Args:
        path: path of the final file.
        name: name of the hidden file, to reuse the one that a killed process left; a new name by
            default.

    Raises:
        OSError: if the folder takes no file.
    """
    place = path.with_name(name or f".{secrets.token_hex(8)}.part")
    try:
        place.touch(exist_ok=bool(name))  # with default permissions, unlike tempfile's
        yield place
    finally:
        place.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path, name: str | None = None) -> Iterator[Path]:
    """A `hidden` file to write, which replaces `path` after success.

    Until then, and after any error, `path` is unchanged.

    Raises:
        OSError: if folder or disk do not take the file.
    """
    with hidden(path, name) as part:
        yield part
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.replace(path)


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
