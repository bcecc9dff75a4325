"""`mirnet data synthesize`: clean photographs in, noisy and clean patches out."""

from pathlib import Path
from typing import Annotated

import typer

from mirnet.cli.endings import interruptible, treat_termination_as_interruption
from mirnet.cli.sharding import parse_shard
from mirnet.extras import needs


def synthesize(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="Folder of clean photographs, 8-bit RGB.")
    ],
    folder: Annotated[
        Path,
        typer.Argument(metavar="DST", help="Folder for the patches, in input/ and groundtruth/."),
    ],
    patch: Annotated[
        int, typer.Option(metavar="N", help="Side of the patches in pixels, a multiple of 16.")
    ] = 256,
    per_image: Annotated[
        int, typer.Option(metavar="N", min=1, help="Patches per photograph.")
    ] = 10,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Seed for places, flips and noise.")
    ] = 0,
    shard: Annotated[
        str,
        typer.Option(
            metavar="I/N",
            help="Make the I-th of N parts, counted from 0; auto asks SLURM or Kubernetes.",
            show_default="everything",
        ),
    ] = "0/1",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Make noisy and clean patches from clean photographs.

    The noise comes from the camera model that training uses. A patch depends only on the seed, its
    photograph's name and its number, so photographs can be added later. To resume after an
    interruption, run the same command again: existing patches are kept.

    With --shard, each of N processes makes the patches of some of the photographs, in any order or
    at the same time, on machines that share SRC and DST. Together they write, byte for byte, what
    one process would; no final step is needed. To check, run it without --shard: it makes what is
    missing, if anything is.

    \b
    Examples:
      mirnet data synthesize photographs patches
      mirnet data synthesize photographs patches --patch 128 --per-image 50
      mirnet data synthesize photographs patches --shard 0/8

    Exit codes: 0 all made, 1 some photographs failed (the others are done), 2 bad arguments or too
    little space, 130 interrupted.
    """
    with needs("train", "synthesizing"):
        from mirnet.patches import synthesis
    from mirnet.cli.data.following import follow

    treat_termination_as_interruption()
    with interruptible():
        plan = synthesis.plan(
            source, folder, patch=patch, per_image=per_image, seed=seed, shard=parse_shard(shard)
        )
        follow(plan, synthesis.run(plan), pictures="photographs", as_json=as_json)
