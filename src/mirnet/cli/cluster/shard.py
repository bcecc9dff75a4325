"""`mirnet restore --shard`: a part of a job, in this process."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mirnet.cli.cluster import running
from mirnet.cli.endings import interruptible, treat_termination_as_interruption
from mirnet.cli.sharding import parse_shard

if TYPE_CHECKING:
    from mirnet.cluster.plan import Retry


def restore_shard(
    inputs: Sequence[Path],
    output: Path | None,
    shard: str,
    *,
    recursive: bool,
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
    retry: "Retry",
    max_seconds: float,
    overwrite: bool,
    threads: int | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - the fields of `Settings`
) -> None:
    """Restore the pictures of a shard, and add them to the manifest of the job.

    Raises:
        typer.BadParameter: if there is no shard, more than one input or no output.
        MirnetError: if the output holds another job, or the model cannot be opened.
        OSError: if a place can be neither read nor written.
    """
    from mirnet.extras import needs

    with needs("cluster", "--shard"):
        import pyarrow  # noqa: F401

    from mirnet.cluster import run
    from mirnet.cluster.child import Brief
    from mirnet.cluster.job import enter
    from mirnet.cluster.places import open_place

    index, count = parse_shard(shard)
    if len(inputs) != 1 or output is None:
        raise typer.BadParameter("--shard takes one input, a folder, and -o")
    source, target = open_place(str(inputs[0])), open_place(str(output))
    settings = running.settings(**options)
    treat_termination_as_interruption()
    with interruptible():
        job = enter(target, source, settings, shards=count, overwrite=overwrite)
        brief = Brief(source.url, target.url, settings, threads)
        selection = run.Selection(
            include or (), exclude or (), recursive, shard=index, shards=count, retry=retry
        )
        with run.start(source, target, job, selection) as started:
            running.follow(
                started, run.alone(started, brief, max_seconds), max_failures=None, as_json=as_json
            )
