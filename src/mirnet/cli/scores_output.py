"""What `mirnet evaluate` tells: a table for people, CSV and JSON for programs."""

import csv
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Protocol

from mirnet.evaluation.run import Failed, Measured, Summary
from mirnet.evaluation.scores import PROTOCOLS, Means, Scores
from mirnet.files import replacing
from mirnet.restoration.restorer import Restorer

NAMES = tuple(field.name for field in fields(Scores))
HEADINGS = ("PSNR", "PSNR-8", "SSIM", "SSIM-Y", "SSIM-vol", "s/MP")
"""Of the columns, the scores in the order of their fields."""
CSV_COLUMNS = (
    *("data", "name", "status", "height", "width"),
    *(f"{picture}_{name}" for picture in ("input", "restored") for name in NAMES),
    *("seconds", "tiles", "tiles_kept", "image", "error"),
)


class Writer(Protocol):
    """What is used of `csv.DictWriter`."""

    def writerow(self, rowdict: Mapping[str, Any], /) -> object:
        """Write one row."""
        ...


@contextmanager
def table(path: Path) -> Iterator[Writer]:
    """A CSV file, which appears when all rows went into it without an error.

    Raises:
        OSError: if the folder takes no file.
    """
    with (
        replacing(path) as part,
        part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
        writer.writeheader()
        yield writer


def row(result: Measured | Failed) -> dict[str, Any]:
    """One row of the table; what a failed pair has not got is missing."""
    record = _record(result)
    pictures = {name: record.pop(name, {}) for name in ("input", "restored")}
    return record | {
        f"{picture}_{name}": value
        for picture, scores in pictures.items()
        for name, value in scores.items()
    }


def json_line(result: Measured | Failed) -> str:
    """One JSON object; an infinite PSNR, which JSON cannot say, is null."""
    return _json(_record(result))


def json_means(
    model: str, restorer: Restorer, summaries: Mapping[Path, Summary], overall: Summary
) -> str:
    """The last JSON object: what was measured how, the means of each data set and of all."""
    return _json(
        {
            "status": "means",
            "model": model,
            "runtime": restorer.runtime.name,
            "tile": restorer.tile,
            "overlap": restorer.overlap,
            "strength": restorer.strength,
            "protocols": dict(PROTOCOLS),
            "data": [{"data": str(path)} | _means(each) for path, each in summaries.items()],
            "all": _means(overall),
        }
    )


def text(summaries: Mapping[Path, Summary], overall: Summary) -> str:
    """The table at the end: input and restored of each data set and, of several, of all."""
    parts = {str(folder): summary for folder, summary in summaries.items()}
    if len(parts) > 1:
        parts["all"] = overall
    lines = [" " * 10 + "".join(f"{heading:>10}" for heading in HEADINGS)]
    for name, summary in parts.items():
        failed = f", {summary.failed} failed" if summary.failed else ""
        label = name if name.isprintable() else repr(name)
        lines.append(f"{label}: {summary.pairs} pairs{failed}")
        for title in ("input", "restored"):
            scores = getattr(summary, title).scores
            values = [getattr(scores, name, None) for name in NAMES]
            cells = [
                _cell(value, 2 if "psnr" in name else 4)
                for name, value in zip(NAMES, values, strict=True)
            ]
            speed = _cell(summary.seconds_per_megapixel, 2) if title == "restored" else ""
            lines.append(
                (f"  {title:8}" + "".join(f"{cell:>10}" for cell in (*cells, speed))).rstrip()
            )
    return "\n".join(lines)


def left_out(overall: Summary) -> list[str]:
    """What the means do not hold, in words."""
    lines = []
    for title in ("input", "restored"):
        means: Means = getattr(overall, title)
        for name, count in means.infinite.items():
            if count:
                lines.append(
                    f"{count} of {means.count} {title} pictures equal the truth: their infinite "
                    f"{name} is left out of its mean"
                )
    if overall.failed:
        total = overall.pairs + overall.failed
        lines.append(f"{overall.failed} of {total} pairs failed: the means leave them out")
    return lines


def _record(result: Measured | Failed) -> dict[str, Any]:
    record = asdict(result)
    status = "failed" if isinstance(result, Failed) else "measured"
    head = {"data": str(record.pop("folder")), "name": record.pop("name"), "status": status}
    if record.get("image"):
        record["image"] = str(record["image"])
    return head | record


def _means(summary: Summary) -> dict[str, Any]:
    record: dict[str, Any] = {"pairs": summary.pairs, "failed": summary.failed}
    for title in ("input", "restored"):
        means: Means = getattr(summary, title)
        record[title] = asdict(means.scores) if means.scores else None
        record[f"{title}_infinite"] = {name: n for name, n in means.infinite.items() if n}
    return record | {"seconds_per_megapixel": summary.seconds_per_megapixel}


def _json(record: dict[str, Any]) -> str:
    return json.dumps(_finite(record), allow_nan=False)


def _finite(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
