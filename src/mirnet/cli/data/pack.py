"""`mirnet data pack`: a folder of pairs in, shards for fast reading out."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirnet import strict_json
from mirnet.cli.endings import interruptible, treat_termination_as_interruption
from mirnet.extras import needs

if TYPE_CHECKING:
    from mirnet.pairs.packing import ShardJob


def pack(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of pairs.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="Folder for the shards.")],
    shard_mb: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Size of a shard in units of 2^20 bytes; packing needs as much memory.",
            min=1,
        ),
    ] = 1024,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per shard.")
    ] = False,
) -> None:
    """Pack pairs of pictures, so that training reads patches without decoding.

    SRC has two subfolders, such as input/ and groundtruth/ or noisy/ and clean/, where the halves
    of a pair have the same name, or three for pairs of two views (docs/data.md). Shards hold every
    pixel unchanged, and training accepts DST wherever it accepts SRC. To resume after an
    interruption, run the same command again: finished shards are kept.

    \b
    Examples:
      mirnet data pack sidd/train packed/sidd
      mirnet data pack pairs packed --shard-mb 256 --json

    Exit codes: 0 all packed, 2 bad arguments or pairs, 130 interrupted.
    """
    with needs("train", "packing"):
        from mirnet.pairs import packing
    from mirnet.cli.bars import Rate, print_result, progress_bar
    from mirnet.pairs.pair_folder import PairFolder

    treat_termination_as_interruption()
    with interruptible():
        pairs = PairFolder(source)
        with progress_bar(Rate("pairs")) as bar:
            task = bar.add_task("sizes", total=len(pairs))
            advance = partial(bar.advance, task)
            jobs = packing.plan(pairs, target, shard_mb=shard_mb, observe=advance)
            rest = packing.remaining(jobs)
            bar.reset(task, total=sum(len(job.pairs) for job in rest), description="packing")
            for job in jobs:
                if job in rest:
                    packing.write(pairs, job, advance)
                status = "written" if job in rest else "kept"
                print_result(bar, _line(job, status, as_json=as_json))
    typer.echo(
        f"mirnet: {len(pairs)} pairs, {len(rest)} shards written, {len(jobs) - len(rest)} kept",
        err=True,
    )


def _line(job: "ShardJob", status: str, *, as_json: bool) -> str:
    length = job.path.stat().st_size
    if as_json:
        record = {"shard": str(job.path), "status": status, "pairs": len(job.pairs)}
        return strict_json.dumps(record | {"bytes": length})
    return f"{job.path}  {len(job.pairs)} pairs  {length / 2**20:.1f} MB  {status}"
