"""`mirnet cluster status`: how far a job is."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mirnet.cluster.status import Status


def status(
    target: Annotated[str, typer.Argument(metavar="DST", help="Target of a job.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how far a job is: done, failed by reason, rate and time left.

    It reads the manifest in DST, whoever works on the job, and wherever.

    \b
    Examples:
      mirnet cluster status restored/
      mirnet cluster status s3://bucket/restored --json

    Exit codes: 0 it was read, 2 bad arguments or no job.
    """
    from mirnet import strict_json
    from mirnet.cluster import job
    from mirnet.cluster import status as reading
    from mirnet.cluster.places import open_place

    place = open_place(target)
    found = reading.read(place, job.existing(place))
    typer.echo(strict_json.dumps(_record(found)) if as_json else "\n".join(_lines(found)))


def _record(found: "Status") -> dict[str, Any]:
    settings = found.job.settings
    return {
        "source": found.job.source,
        "model": settings.model,
        "pictures": found.listed,
        "done": found.done,
        "failed": dict(found.failed),
        "left": found.left,
        "outdated": found.outdated,
        "unreadable_folders": found.unreadable,
        "megapixels": found.megapixels,
        "bytes": found.bytes,
        "worker_seconds": found.worker_seconds,
        "pictures_per_second": found.rate,
        "seconds_left": found.seconds_left,
        "shards": found.shards,
        "started_shards": found.started_shards,
    }


def _lines(found: "Status") -> list[str]:
    from mirnet.cluster.hands import REASONS

    of = f" of {found.listed:,}" if found.listed is not None else ""
    lines = [
        f"{found.job.source}  by {found.job.settings.model}",
        f"done     {found.done:,}{of}  ({found.megapixels:,.1f} MP, {found.bytes / 1e9:,.2f} GB)",
    ]
    lines += [
        f"failed   {count:,}  {reason}: {REASONS.get(reason, '')}".rstrip(": ")
        for reason, count in sorted(found.failed.items())
    ]
    if found.unreadable:
        lines.append(f"folders  {found.unreadable:,} could not be read by the latest run")
    if found.outdated:
        lines.append(f"outdated {found.outdated:,}  made by another model or with other options")
    if found.left is not None:
        lines.append(f"left     {found.left:,}")
    elif found.shards > found.started_shards:
        lines.append(f"shards   {found.started_shards} of {found.shards} have started")
    if found.rate and found.recent > 1:
        lines.append(f"rate     {found.rate:.2f} pictures/s in the latest run")
    if found.left and found.seconds_left:
        lines.append(f"time     {_duration(found.seconds_left)} left at this rate")
    return lines


def _duration(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours} h {minute:02} min" if hours else f"{minute} min {second:02} s"
