"""`mirnet data sidd-patches`: SIDD-Medium in, patches out."""

from pathlib import Path
from typing import Annotated

import typer

from mirnet.cli.endings import interruptible, treat_termination_as_interruption


def sidd_patches(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC", help="SIDD-Medium sRGB as distributed, or one of its scenes."
        ),
    ],
    folder: Annotated[
        Path,
        typer.Argument(metavar="DST", help="Folder for the patches, in input/ and groundtruth/."),
    ],
    patch: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Side of the patches in pixels.",
            show_default="256, with --grid 512",
        ),
    ] = None,
    per_image: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Random patches per pair.", show_default="300"),
    ] = None,
    grid: Annotated[
        bool,
        typer.Option(
            "--grid",
            help="Cut a regular grid, as the official protocol does: neighbours overlap by a "
            "quarter of the patch, and the last ones end at the border.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Processes; each needs 200 MB for full-size pairs.",
            show_default="one per core",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Seed for the places of random patches.")
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Cut the pairs of SIDD-Medium into patches.

    Noisy and clean patches are cut at the same places and written as PNG files with the source's
    bit depth. The same seed gives the same patches with any number of workers. To resume after an
    interruption, run the same command again: existing patches are kept.

    \b
    Examples:
      mirnet data sidd-patches SIDD_Medium_Srgb patches
      mirnet data sidd-patches SIDD_Medium_Srgb crops --grid
      mirnet data sidd-patches SIDD_Medium_Srgb few --per-image 20 --workers 2

    Exit codes: 0 all cut, 1 some pairs failed (the others are done), 2 bad arguments or too little
    space, 130 interrupted.
    """
    from mirnet.cli.data.following import follow
    from mirnet.patches import sidd
    from mirnet.patches.windows import GridWindows, RandomWindows
    from mirnet.system import cores

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
