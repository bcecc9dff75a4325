"""Output of `mirnet benchmark`: a table for people, JSON for programs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mirnet import strict_json
from mirnet.benchmark.clock import STAGES
from mirnet.benchmark.driver import FailedTrial, MeasuredTrial, Timings
from mirnet.benchmark.plan import BenchmarkPlan
from mirnet.pictures.vips import shown
from mirnet.restoration.restored import left_alone
from mirnet.system import machine

COLUMNS = (*STAGES, "whole", "µs/pixel", "MP/s", "images/s", "peak MB")
"""Columns of the table; stages and whole in milliseconds."""


def text(plan: BenchmarkPlan, result: Timings) -> str:
    """A description of the measurement, and the table with one row per runtime."""
    measured = [each for each in result.outcomes if isinstance(each, MeasuredTrial)]
    has_gpu = any(each.gpu for each in measured)
    columns = (*COLUMNS, "GPU MB") if has_gpu else COLUMNS
    rows = [(each.runtime, _cells(each)[: len(columns)]) for each in result.outcomes]
    rows.insert(0, ("", columns))
    first = max(len(name) for name, _ in rows)
    widths = [
        max(len(cells[k]) for _, cells in rows if k < len(cells)) for k in range(len(columns))
    ]
    table = [
        f"{name:{first}}"
        + "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=False))
        for name, cells in rows
    ]
    return "\n".join([*headings(plan, measured), "", *table])


def headings(plan: BenchmarkPlan, measured: Sequence[MeasuredTrial]) -> tuple[str, str]:
    """One line on what was measured, and one on the machine."""
    tilings = {f"tiles of {each.tile}, overlap {each.overlap}" for each in measured}
    cut = [f"batches of {plan.batch}"] if plan.batch else sorted(tilings)
    rounds = _counted(plan.rounds, "round")
    what = [shown(Path(plan.model).name), f"{plan.height}x{plan.width} {plan.format}", *cut]
    this = machine.describe()
    devices = dict.fromkeys(each.gpu for each in measured if each.gpu)
    where = [
        this["processor"],
        _counted(int(this["cores"]), "core"),
        this["instruction sets"].replace(", ", " "),
        *([_counted(plan.threads, "thread")] if plan.threads else []),
        *devices,
    ]
    return f"{', '.join(what)}: ms a picture, medians of {rounds}", ", ".join(where)


def json_object(plan: BenchmarkPlan, result: Timings) -> str:
    """Everything known, as one line of JSON; times in seconds."""
    record = {
        "model": plan.model,
        "device": plan.device,
        "threads": plan.threads,
        "height": plan.height,
        "width": plan.width,
        "format": plan.format,
        "batch": plan.batch,
        "rounds": plan.rounds,
        "warm_up": plan.warm_up,
        "machine": machine.describe(),
        "versions": machine.versions(),
        "runtimes": [_record(each) for each in result.outcomes],
        "runs": [asdict(run) for run in result.runs],
    }
    return strict_json.dumps(record)


def trouble(result: Timings) -> Iterator[str]:
    """Reasons to doubt the figures, one line each."""
    for each in result.outcomes:
        if isinstance(each, MeasuredTrial) and each.tiles_kept:
            yield f"{each.runtime}: {left_alone(each.tiles_kept, each.tiles)}"


def _record(outcome: MeasuredTrial | FailedTrial) -> dict[str, Any]:
    record = asdict(outcome)
    if isinstance(outcome, FailedTrial):
        return {"runtime": record.pop("runtime"), "status": "failed", **record}
    figures = record.pop("figures")
    stages, whole = figures.pop("stages"), figures.pop("whole")
    file = record.pop("file")
    return {
        "runtime": record.pop("runtime"),
        "status": "measured",
        "file": str(file) if file else None,
        **record,
        "seconds": {stage: stages.get(stage) for stage in STAGES} | {"whole": whole},
        **figures,
    }


def _cells(outcome: MeasuredTrial | FailedTrial) -> Sequence[str]:
    """One row of the table; only GPUs fill the last cell."""
    if isinstance(outcome, FailedTrial):
        return ["failed"]
    figures = outcome.figures
    stages = [figures.stages.get(stage) for stage in STAGES]
    return [
        *(_cell(each.median * 1e3 if each else None, 1) for each in (*stages, figures.whole)),
        _cell(figures.us_per_pixel, 2),
        _cell(figures.megapixels_per_second, 3),
        _cell(figures.images_per_second, 3),
        _cell(outcome.peak_mb, 0),
        _cell(outcome.gpu_peak_mb, 0),
    ]


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
