"""`mirnet data sidd-patches`: SIDD-Medium in, patches out."""

from pathlib import Path
from typing import Annotated

import typer

from mirnet.cli.endings import interruptible, treat_termination_as_interruption


def sidd_patches(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC", help="SIDD-Medium sRGB as it is distributed, or one of its scenes."
        ),
    ],
    folder: Annotated[
        Path,
        typer.Argument(metavar="DST", help="Gets the patches, in input/ and groundtruth/."),
    ],
    patch: Annotated[
        int | None,
        typer.Option(min=1, help="Side of the patches in pixels. [256; with --grid 512]"),
    ] = None,
    per_image: Annotated[
        int | None, typer.Option(min=1, help="Random patches of each pair. [300]")
    ] = None,
    grid: Annotated[
        bool,
        typer.Option(
            "--grid",
            help="Cut side by side as the official protocol does: neighbours share a quarter of "
            "the patch, the last ones end at the border.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes, of 200 MB each with full-size pairs. [one a core]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides where random patches lie.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="The result as one JSON object on standard output.")
    ] = False,
) -> None:
    """Cut the pairs of SIDD-Medium into patches.

    Noisy and clean patches are cut at the same places and written as PNG files of the source's bit
    depth. The same seed gives the same patches, whatever the number of workers. Run it again after
    an interruption: patches that are there stay.

    \b
    Examples:
      mirnet data sidd-patches SIDD_Medium_Srgb patches
      mirnet data sidd-patches SIDD_Medium_Srgb crops --grid
      mirnet data sidd-patches SIDD_Medium_Srgb few --per-image 20 --workers 2

    Exit codes: 0 all cut, 1 some pairs failed (the others are done), 2 bad arguments or too little
    space, 130 interrupted.
    """
    from mirnet import cores
    from mirnet.cli.data.following import follow
    from mirnet.data import sidd
    from mirnet.data.windows import GridWindows, RandomWindows

    if grid and per_image is not None:
        raise typer.BadParameter("--per-image is for random patches: leave it out with --grid")
    scheme = (
        GridWindows(patch or 512) if grid else RandomWindows(patch or 256, per_image or 300, seed)
    )
    treat_termination_as_interruption()
    with interruptible():
        plan = sidd.plan(source, folder, scheme)
        follow(
            plan, sidd.run(plan, workers or cores.available()), pictures="pairs", as_json=as_json
        )
