"""`metrics.csv`: a run's measurements, one row per step, with empty cells for missing values.

Rows are appended as a whole. Changing a row or column rewrites the file, completely or not at all.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mirnet.errors import DataError
from mirnet.system.files import replacing

STEP = "step"
"""Name of the first column."""


@dataclass(frozen=True)
class StepRow:
    """Values measured at a step, by name; not always all of them."""

    step: int
    values: dict[str, float]


def read(path: Path) -> list[StepRow]:
    """The rows in the order of their steps, without a last one that is incomplete.

    Raises:
        DataError: if there is no such table, or it is damaged.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing: a run writes it at its first logged step")
    return _read(path)[1]


def best(rows: Iterable[StepRow], name: str) -> tuple[int, float] | None:
    """The step of the highest value, and that value; the first if several are equal, else None.

    >>> best([StepRow(1, {"psnr": 30.0}), StepRow(2, {"psnr": 31.5})], "psnr")
    (2, 31.5)
    """
    found = [(row.step, row.values[name]) for row in rows if name in row.values]
    finite = [(step, value) for step, value in found if abs(value) < float("inf")]
    return max(finite, key=lambda point: point[1], default=None)


class Table:
    """A writable `metrics.csv`; between calls the file is complete and closed.

    Args:
        path: path of the file, which is created with the first row.
        step: rows beyond this step are dropped, as is an incomplete last one.

    Raises:
        DataError: if the file is there and damaged.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        self._columns: list[str] = []
        self._last = -1
        if path.is_file():
            self._columns, rows = _read(path)
            self._rewrite([row for row in rows if row.step <= step])

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write values to the row of their step.

        Raises:
            OSError: if folder or disk do not take it; what was there before still is.
        """
        new = [name for name in values if name not in self._columns]
        if step > self._last and self._columns and not new:
            with self._path.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow(
                    self._cells(StepRow(step, {**values}))
                )
            self._last = step
            return
        rows = _read(self._path)[1] if self._path.is_file() else []
        known = {row.step: row.values for row in rows}
        known[step] = {**known.get(step, {}), **values}
        self._columns += new
        self._rewrite([StepRow(number, known[number]) for number in sorted(known)])

    def _rewrite(self, rows: list[StepRow]) -> None:
        with (
            replacing(self._path, f".{self._path.name}.part") as part,
            part.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([STEP, *self._columns])
            writer.writerows(map(self._cells, rows))
        self._last = rows[-1].step if rows else -1

    def _cells(self, row: StepRow) -> list[str]:
        return [str(row.step), *(_text(row.values.get(name)) for name in self._columns)]


def _text(value: float | None) -> str:
    # `float` also reads nan and inf
    return "" if value is None else repr(float(value))


def _read(path: Path) -> tuple[list[str], list[StepRow]]:
    """Names of the columns after the step, and the rows."""
    whole, _, _half = path.read_bytes().rpartition(b"\n")
    lines = csv.reader(whole.decode("utf-8", "replace").splitlines())
    first, *columns = next(lines, [STEP])
    if first != STEP:
        raise _damaged(path, 1)
    rows: list[StepRow] = []
    for number, cells in enumerate(lines, 2):
        try:
            step, *rest = cells
            values = {name: float(cell) for name, cell in zip(columns, rest, strict=True) if cell}
            rows.append(StepRow(int(step), values))
        except ValueError:
            raise _damaged(path, number) from None
    return columns, rows


def _damaged(path: Path, line: int) -> DataError:
    return DataError(f"{path} is damaged in line {line}: mend it, or move it out of the way")
