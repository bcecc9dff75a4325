"""What `mirnet cluster restore` and `mirnet restore --shard` share: a run with its output."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import typer

from mirnet.cli.endings import FAILED
from mirnet.errors import MirnetError

if TYPE_CHECKING:
    from mirnet.cluster.job import Settings
    from mirnet.cluster.run import Run
    from mirnet.cluster.work import Summary


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
    from mirnet.models import address, catalog
    from mirnet.pictures import codec

    if format:
        codec.check_format(format, codec.FORMATS)
    # the whole path, as workers run in other folders; names and addresses mean the same there
    is_name = catalog.find(model) is not None or address.is_address(model)
    name = model if is_name else str(Path(model).absolute())
    return Settings(model=name, sha256=digest(model), format=format, **options)
