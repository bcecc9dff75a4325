"""The folder of a chain: taken only where nothing can be lost, and left tidy."""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mirnet.chain.links import DATA, MODELS, RESTORED, RUN
from mirnet.chain.record import FORMAT, RECORD
from mirnet.errors import DataError

LOG = "chain.log"
"""What the parts say while they work, and what else is known of errors."""

FOLDERS = (DATA, RUN, MODELS, RESTORED)


def claim(folder: Path) -> None:
    """Make the folder, or empty it of an earlier chain of the mode lite.

    Raises:
        DataError: if it holds anything else.
        OSError: if it cannot be made or emptied.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file: give a folder for the chain")
    folder.mkdir(parents=True, exist_ok=True)
    names = {path.name for path in folder.iterdir()}
    if not names:
        return
    mode = _mode(folder / RECORD)
    if not mode:
        raise DataError(
            f"{folder} holds {min(names)}, and no chain made it: choose an empty folder, or a new "
            "one"
        )
    if mode != "lite":
        raise DataError(
            f"{folder} holds a {mode} chain, which may have taken long: choose another folder, or "
            "remove it yourself"
        )
    foreign = names.difference(FOLDERS, (RECORD, LOG, f".{RECORD}.part"))
    if foreign:
        raise DataError(f"{folder} holds {min(foreign)} beside an earlier chain: move it away")
    tidy(folder)
    (folder / LOG).unlink(missing_ok=True)


def tidy(folder: Path) -> None:
    """Remove pictures, checkpoints and models; record and log stay.

    Raises:
        OSError: if they cannot be removed.
    """
    for name in FOLDERS:
        if (folder / name).exists():
            shutil.rmtree(folder / name)


@contextmanager
def logging_into(folder: Path) -> Iterator[None]:
    """What the package logs inside goes into the folder's `LOG`.

    Raises:
        OSError: if the folder does not take it.
    """
    handler = logging.FileHandler(folder / LOG, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("mirnet")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()


def _mode(record: Path) -> str:
    """Of the chain that wrote the record; empty if none did."""
    try:
        table = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    is_ours = isinstance(table, dict) and table.get("format") == FORMAT
    return str(table.get("mode", "")) if is_ours else ""
