"""Output of `mirnet evaluate`: a table for people, JSON for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mirnet import strict_json
from mirnet.evaluation.method import INPUT, Method
from mirnet.evaluation.run import Failed, Measured
from mirnet.evaluation.scores import FIGURES, PROTOCOLS
from mirnet.evaluation.summary import Summary
from mirnet.evaluation.table import record
from mirnet.pictures.vips import shown


def json_line(result: Measured | Failed) -> str:
    """One JSON object; an infinite PSNR is null."""
    return strict_json.dumps(record(result))


def json_means(
    methods: Sequence[Method], summaries: Mapping[Path, Summary], overall: Summary
) -> str:
    """The last JSON object: methods, protocols, and the means of each data set and of all."""
    return strict_json.dumps(
        {
            "status": "means",
            "methods": {method.name: dict(method.facts) for method in methods},
            "protocols": dict(PROTOCOLS),
            "data": [{"data": str(path)} | _means(each) for path, each in summaries.items()],
            "all": _means(overall),
        }
    )


def text(methods: Sequence[Method], summaries: Mapping[Path, Summary], overall: Summary) -> str:
    """The final table: input and methods on each data set and, if there are several, on all."""
    parts = {str(folder): summary for folder, summary in summaries.items()}
    if len(parts) > 1:
        parts["all"] = overall
    sizes = {method.name: method.facts["parameters"] for method in methods}
    width = max(map(len, (INPUT, *sizes)))
    means = overall.columns[INPUT].means.scores
    figures = [
        figure
        for figure in FIGURES
        if not figure.is_optional or getattr(means, figure.key, None) is not None
    ]
    headings = (*(figure.heading for figure in figures), "s/MP", "params")
    lines = [" " * (width + 2) + "".join(f"{heading:>10}" for heading in headings)]
    for title, summary in parts.items():
        failed = f", {summary.failed} failed" if summary.failed else ""
        lines.append(f"{shown(title)}: {summary.pairs} pairs{failed}")
        for name, column in summary.columns.items():
            means = column.means.scores
            cells = [_cell(getattr(means, each.key, None), each.digits) for each in figures]
            if name != INPUT:
                cells += [_cell(summary.seconds_per_megapixel(name), 2), _count(sizes[name])]
            lines.append(f"  {name:{width}}" + "".join(f"{cell:>10}" for cell in cells))
    return "\n".join(lines)


def left_out(overall: Summary) -> list[str]:
    """What was left out of the means, one line each."""
    lines = []
    for method, column in overall.columns.items():
        for name, count in column.means.infinite.items():
            if count:
                lines.append(
                    f"{count} of {column.means.count} pictures of {method} equal the ground truth: "
                    f"their infinite {name} is left out of its mean"
                )
    if overall.failed:
        total = overall.pairs + overall.failed
        lines.append(f"{overall.failed} of {total} pairs failed and are not in the means")
    return lines


def _means(summary: Summary) -> dict[str, Any]:
    record: dict[str, Any] = {"pairs": summary.pairs, "failed": summary.failed, "methods": {}}
    for name, column in summary.columns.items():
        means = asdict(column.means.scores) if column.means.scores else dict.fromkeys(PROTOCOLS)
        means["infinite"] = {score: n for score, n in column.means.infinite.items() if n}
        if name == INPUT:
            record[INPUT] = means
        else:
            means["seconds_per_megapixel"] = summary.seconds_per_megapixel(name)
            record["methods"][name] = means
    return record


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _count(parameters: object) -> str:
    """In millions; empty if unknown."""
    if not isinstance(parameters, int):
        return "-"
    return f"{parameters / 1e6:.2f} M" if parameters else "0"
