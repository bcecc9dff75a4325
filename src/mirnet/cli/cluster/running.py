"""What `mirnet cluster restore` and `mirnet restore --shard` share: a run with its output."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

from mirnet.cli.endings import FAILED
from mirnet.errors import MirnetError

if TYPE_CHECKING:
    from mirnet.cluster.job import Settings
    from mirnet.cluster.run import Run
    from mirnet.cluster.work import Summary

ARRAYS = (
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN"),
    ("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", None),
)
"""Variables with the number of a process, the number of processes, and the first number."""


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Parse `I/N`, counted from 0, or `auto` for what the scheduler says.

    Raises:
        typer.BadParameter: if it is neither, or no scheduler says anything.

    >>> parse_shard("3/8"), parse_shard("auto", {"SLURM_ARRAY_TASK_ID": "4",
    ...     "SLURM_ARRAY_TASK_COUNT": "8", "SLURM_ARRAY_TASK_MIN": "1"})
    ((3, 8), (3, 8))
    """
    if text == "auto":
        for index, count, first in ARRAYS:
            if index in environment and count in environment:
                begin = int(environment.get(first, "0")) if first else 0
                return _checked(int(environment[index]) - begin, int(environment[count]))
        raise typer.BadParameter(
            "auto needs SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT, or JOB_COMPLETION_INDEX "
            "and JOB_COMPLETIONS: give I/N"
        )
    number, slash, count = text.partition("/")
    try:
        return _checked(int(number), int(count if slash else "?"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither I/N, such as 0/8, nor auto") from None


def _checked(index: int, count: int) -> tuple[int, int]:
    if not 0 <= index < count:
        raise typer.BadParameter(f"{index}/{count}: shards are counted from 0 to {count - 1}")
    return index, count


def follow(
    run: "Run",
    summaries: "Iterator[Summary]",
    *,
    max_failures: int | None,
    as_json: bool,
) -> None:
    """Show progress on standard error, and the counts on standard output at the end.

    Raises:
        MirnetError: if more pictures fail than may.
        typer.Exit: with code 1 if some failed, or lie in folders that cannot be read.
    """
    from mirnet.cli.bars import Rate, print_message, progress_bar
    from mirnet.cluster.work import Summary

    total = Summary()
    bar = progress_bar(Rate("pictures"))
    task = bar.add_task("restoring", total=run.listed)
    with bar:
        for line in run.unreadable:
            print_message(bar, f"mirnet: {line}")
        try:
            for summary in summaries:
                total.include(summary)
                for line in summary.messages:
                    print_message(bar, f"mirnet: {line}")
                finished = total.done + sum(total.failed.values())
                earlier = run.done + sum(run.failed.values())
                bar.update(task, completed=finished + earlier, refresh=True)
                if max_failures is not None and sum(total.failed.values()) > max_failures:
                    raise MirnetError(
                        f"stopped, as more than {max_failures} pictures failed (--max-failures); "
                        "what is done stays"
                    )
        finally:
            summaries.close()  # type: ignore[attr-defined]  # a generator: it stops the workers
    _print(run, total, as_json=as_json)
    if total.failed or run.failed or run.unreadable:
        raise typer.Exit(FAILED)


def listing_progress() -> Callable[[int], None]:
    """Tells on a terminal how many pictures have been found."""
    import sys

    def tell(count: int) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\rmirnet: {count:,} pictures found", err=True, nl=False)

    return tell


def _print(run: "Run", total: "Summary", *, as_json: bool) -> None:
    record = {
        "pictures": run.listed,
        "restored": total.done,
        "done_before": run.done,
        "failed": dict(total.failed),
        "failed_before": dict(run.failed),
        "unreadable_folders": len(run.unreadable),
        "megapixels": round(total.megapixels, 6),
        "worker_seconds": round(total.seconds, 3),
    }
    if as_json:
        typer.echo(json.dumps(record))
        return
    parts = [f"{total.done} restored", f"{run.done} done before"]
    for counts, when in ((total.failed, ""), (run.failed, " before")):
        parts += [f"{count} failed{when} ({reason})" for reason, count in sorted(counts.items())]
    if run.unreadable:
        folders = "folder" if len(run.unreadable) == 1 else "folders"
        parts.append(f"{len(run.unreadable)} {folders} could not be read")
    typer.echo(f"{run.listed} pictures: {', '.join(parts)}")


def settings(model: str, format: str | None, **options: Any) -> "Settings":  # noqa: ANN401
    """The settings of a job, from options of the command line.

    Raises:
        ImageError: if there is no such format.
        WeightsError: if there is no such model.
    """
    from pathlib import Path

    from mirnet.cluster.job import Settings, digest
    from mirnet.models import catalog
    from mirnet.pictures import codec

    if format:
        codec.check_format(format, codec.FORMATS)
    # the whole path, as workers run in other folders
    name = model if catalog.find(model) else str(Path(model).absolute())
    return Settings(model=name, sha256=digest(model), format=format, **options)
