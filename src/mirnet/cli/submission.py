"""`mirnet evaluate --submit`: files for benchmarks whose ground truth is not public."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mirnet import strict_json
from mirnet.cli.endings import interruptible, treat_termination_as_interruption
from mirnet.errors import DataError

if TYPE_CHECKING:
    from mirnet.evaluation.submission.work import Submission, Work
    from mirnet.restoration.restorer import Restorer


class Benchmark(StrEnum):
    """Benchmarks whose submissions mirnet can write."""

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
    """Restore the benchmark's noisy blocks and write the files to submit.

    Args:
        benchmark: the benchmark.
        folders: the folder of the data set; exactly one.
        output: file or folder; None for the benchmark's default.
        load: opens a model; called after the data has been checked.
        models: the name of the model; exactly one.
        others: values of options that only apply to measuring, by name; None if not given.
        as_json: print the result as JSON.

    Raises:
        DataError: if such an option, several folders or several models are given, or the data is
            unusable.
    """
    from mirnet.cli.bars import Rate, progress_bar
    from mirnet.restoration.restorer import check

    _refuse(folders, models, others)
    treat_termination_as_interruption()
    with interruptible("nothing was written"):
        submission = _open(benchmark, folders[0], output)
        with load(models[0]) as restorer, progress_bar(Rate("blocks")) as bar:
            check(restorer.facts, is_plain=True)
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
        **restorer.tiling,  # null if blocks ran in one piece
        "strength": restorer.strength,
        "self_ensemble": restorer.self_ensemble,
    }
    typer.echo(strict_json.dumps(record) if as_json else _line(submission, work))
    if work.tally.kept:
        from mirnet.restoration.restored import left_alone

        typer.echo(f"mirnet: {left_alone(work.tally.kept, work.tally.tiles)}", err=True)


def _refuse(folders: Sequence[Path], models: Sequence[str], others: Mapping[str, Any]) -> None:
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise DataError(
            f"--submit cannot be combined with {', '.join(given)}: it restores all blocks, and "
            "without their ground truth it measures nothing"
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
