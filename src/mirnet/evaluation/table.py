"""Scores of many pairs as a CSV file, with rows for the input and each method of a pair."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from mirnet.evaluation.method import INPUT
from mirnet.evaluation.run import Failed, Measured
from mirnet.evaluation.scores import PROTOCOLS
from mirnet.system.files import remove_stale, replacing

CSV_COLUMNS = (
    *("data", "name", "method", "status", "height", "width"),
    *PROTOCOLS,
    *("seconds", "tiles", "tiles_kept", "image", "error"),
)


class Writer(Protocol):
    """The part of `csv.DictWriter` that is used."""

    def writerows(self, rowdicts: Iterable[Mapping[str, Any]], /) -> object:
        """Write some rows."""
        ...


@contextmanager
def table(path: Path) -> Iterator[Writer]:
    """A CSV file, which appears once all rows were written without an error.

    Raises:
        OSError: if the folder takes no file.
    """
    remove_stale(path.parent)  # of evaluations that were killed
    with (
        replacing(path) as part,
        part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
        writer.writeheader()
        yield writer


def rows(result: Measured | Failed) -> Iterator[dict[str, Any]]:
    """Rows of the table: one for the input, one for each method; or one for a pair that failed."""
    plain = record(result)
    parts = {INPUT: plain.pop(INPUT), **plain.pop("methods")} if INPUT in plain else {"": {}}
    for method, figures in parts.items():
        yield plain | {"method": method} | figures


def record(result: Measured | Failed) -> dict[str, Any]:
    """Everything known about a pair: names and plain values."""
    record = asdict(result)
    status = "failed" if isinstance(result, Failed) else "measured"
    head = {"data": str(record.pop("folder")), "name": record.pop("name"), "status": status}
    if isinstance(result, Measured):
        outcomes = record.pop("outcomes")
        for outcome in outcomes.values():
            outcome |= {"image": str(outcome["image"]) if outcome["image"] else None}
        record["methods"] = {name: each.pop("scores") | each for name, each in outcomes.items()}
    return head | record
