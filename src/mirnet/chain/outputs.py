"""The outputs of a chain: its folder, the JSON record in it, and the table for people."""

import itertools
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mirnet import strict_json
from mirnet.chain.config import FOLDERS, ChainConfig
from mirnet.chain.parts import FigureCheck, PartResult, Status
from mirnet.errors import DataError
from mirnet.system import machine
from mirnet.system.files import replacing

RECORD = "chain.json"
"""The record, which is complete at any time."""
FORMAT, VERSION = "mirnet-chain", 1

LOG = "chain.log"
"""Log of the parts, with details of errors."""

Row = tuple[str, ...]

HEADINGS: Row = ("link", "part", "status", "s", "figure", "bound", "what")
RIGHT = 3
"""Index of the right-aligned column of seconds."""


def claim(folder: Path) -> None:
    """Create the folder, or remove an earlier lite chain from it.

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
            f"{folder} holds {min(names)}, which no chain made: choose an empty folder, or a new "
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
    """Remove pictures, checkpoints and models; keep record and log.

    Raises:
        OSError: if they cannot be removed.
    """
    for name in FOLDERS:
        if (folder / name).exists():
            shutil.rmtree(folder / name)


@contextmanager
def logging_into(folder: Path) -> Iterator[None]:
    """Write the package's log messages to the folder's `LOG`.

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
    """Mode of the chain that wrote the record; empty if none did."""
    try:
        table = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    is_ours = isinstance(table, dict) and table.get("format") == FORMAT
    return str(table.get("mode", "")) if is_ours else ""


def broken(results: Sequence[PartResult]) -> PartResult | None:
    """The first failed part, if any."""
    return next((each for each in results if each.status == Status.FAILED), None)


def record(config: ChainConfig, results: Sequence[PartResult], status: Status) -> dict[str, Any]:
    """The record as JSON; numbers that are not finite are null.

    Args:
        config: configuration of the chain.
        results: results so far.
        status: status of the chain.
    """
    first = broken(results)
    groups = itertools.groupby(results, key=lambda each: each.link)
    return {
        "format": FORMAT,
        "version": VERSION,
        "mode": config.mode,
        "status": status,
        "broken": first.link if first else None,
        "seconds": round(sum(each.seconds for each in results), 3),
        "data": str(config.source) if config.source else None,
        "recipe": strict_json.plain(asdict(config.recipe)),
        "links": [_link(name, list(parts)) for name, parts in groups],
        "machine": machine.describe(),
        "versions": machine.versions(),
    }


def write(table: dict[str, Any], folder: Path) -> None:
    """Write a record into the folder of its chain, complete or not at all.

    Raises:
        OSError: if folder or disk do not take it.
    """
    with replacing(folder / RECORD, f".{RECORD}.part") as part:
        part.write_text(strict_json.dumps(table, indent=2) + "\n", encoding="utf-8")


def _link(name: str, parts: Sequence[PartResult]) -> dict[str, Any]:
    return {
        "link": name,
        "status": status(parts),
        "seconds": round(sum(each.seconds for each in parts), 3),
        "parts": [_part(each) for each in parts],
    }


def status(results: Sequence[PartResult]) -> Status:
    """Combined status: failed if one part failed, skipped if all were."""
    for one in (Status.FAILED, Status.PASSED):
        if any(each.status == one for each in results):
            return one
    return Status.SKIPPED


def _part(result: PartResult) -> dict[str, Any]:
    return {
        "part": result.part,
        "status": result.status,
        "did": result.did,
        "checks": [_check(check) for check in result.checks],
        "facts": strict_json.plain(dict(result.details)),
        "seconds": round(result.seconds, 3),
        "reason": result.reason,
    }


def _check(check: FigureCheck) -> dict[str, Any]:
    names = ("name", "figure", "rule", "bound", "unit")
    table = {name: getattr(check, name) for name in names}
    plain: dict[str, Any] = strict_json.plain(table | {"is_met": check.is_met})
    return plain


def text(results: Sequence[PartResult]) -> str:
    """The table, without a trailing line break."""
    rows, last = [HEADINGS], ""
    for result in results:
        rows += _rows(result, "" if result.link == last else result.link)
        last = result.link
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _rows(result: PartResult, link: str) -> list[Row]:
    """One row per check; the first also has the part's own columns."""
    seconds = f"{result.seconds:.1f}" if result.seconds else ""
    what = result.reason or result.did
    checks = [(check.found, check.expected) for check in result.checks] or [("", "")]
    first, *others = checks
    head = (link, result.part, str(result.status), seconds, *first, what)
    return [head, *(("", "", "", "", *check, "") for check in others)]


def _line(row: Row, widths: list[int]) -> str:
    cells = [
        f"{cell:>{width}}" if number == RIGHT else f"{cell:{width}}"
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
