"""`mirnet evaluate --submit`: what a benchmark without public truth takes."""

import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mirnet.cli.endings import interruptible, treat_termination_as_interruption
from mirnet.errors import DataError

if TYPE_CHECKING:
    from mirnet.evaluation.submission.work import Submission, Work
    from mirnet.restoration.restorer import Restorer


class Benchmark(StrEnum):
    """Those whose submissions we can write."""

    SIDD = "sidd"
    DND = "dnd"


def submit(
    benchmark: Benchmark,
    folders: Sequence[Path],
    output: Path | None,
    load: "Callable[[str], Restorer]",
    models: Sequence[str],
    *,
    others: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Restore the benchmark's noisy blocks and write the files that it takes.

    Args:
        benchmark: which one.
        folders: of the data set, one.
        output: file or folder; None for the benchmark's default.
        load: opens a model, once the data is found to be good.
        models: the name of one.
        others: options that only measuring has, by their names, None where they are not given.
        as_json: whether the result is for programs.

    Raises:
        DataError: if such an option is given, or several folders or models, or the data cannot be
            used.
    """
    from mirnet.cli.bars import Rate, progress_bar

    _refuse(folders, models, others)
    treat_termination_as_interruption()
    with interruptible("nothing was written"):
        submission = _open(benchmark, folders[0], output)
        with load(models[0]) as restorer, progress_bar(Rate("blocks")) as bar:
            task = bar.add_task("restoring", total=submission.blocks)
            work = submission.write(restorer, lambda: bar.update(task, advance=1, refresh=True))
    record = {
        "benchmark": str(benchmark),
        "data": str(folders[0]),
        "files": [str(path) for path in submission.files],
        "blocks": work.blocks,
        "seconds": work.seconds,
        "seconds_per_megapixel": work.seconds_per_megapixel(),
        "tiles": work.tally.tiles,
        "tiles_kept": work.tally.kept,
        "model": models[0],
        "runtime": restorer.runtime.name,
        "precision": restorer.facts.precision,
        "tile": restorer.tile,
        "overlap": restorer.overlap,
        "strength": restorer.strength,
        "self_ensemble": restorer.self_ensemble,
    }
    typer.echo(json.dumps(record) if as_json else _line(submission, work))
    if work.tally.kept:
        from mirnet.restoration.restored import left_alone

        typer.echo(f"mirnet: {left_alone(work.tally.kept, work.tally.tiles)}", err=True)


def _refuse(folders: Sequence[Path], models: Sequence[str], others: Mapping[str, Any]) -> None:
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise DataError(
            f"--submit goes without {', '.join(given)}: a submission is of all blocks, and without "
            "their truth nothing is measured"
        )
    if len(folders) > 1:
        raise DataError(f"--submit takes one DATA, got {len(folders)}: submit them one at a time")
    if len(models) > 1:
        raise DataError(f"--submit takes one --model, got {len(models)}: submit them one at a time")


def _open(benchmark: Benchmark, folder: Path, output: Path | None) -> "Submission":
    if benchmark is Benchmark.SIDD:
        from mirnet.evaluation.submission.sidd import SiddSubmission

        return SiddSubmission(folder, output)
    from mirnet.evaluation.submission.dnd import DndSubmission

    return DndSubmission(folder, output)


def _line(submission: "Submission", work: "Work") -> str:
    from mirnet.pictures.vips import shown

    first, last = submission.files[0], submission.files[-1]
    name = str(first) if first == last else f"{first} to {last.name}"
    return f"{shown(name)}  {work.blocks} blocks  {work.seconds_per_megapixel():.2f} s/MP"
