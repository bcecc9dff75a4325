"""`mirnet watch`: restore what arrives in a folder."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from mirnet.cli.endings import treat_termination_as_interruption
from mirnet.cli.options import (
    Device,
    Format,
    Grain,
    GrainSeed,
    Local,
    Model,
    Overlap,
    Precision,
    Quality,
    RuntimeName,
    SelfEnsemble,
    Strength,
    Threads,
    Tile,
    Whole,
    check_grain,
)
from mirnet.models.catalog import DEFAULT


def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to watch.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="Folder for the results."),
    ],
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Watch subfolders too.")
    ] = False,
    settle: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="How long a file must stay unchanged to count as complete. Raise it for slow or "
            "interrupted uploads.",
            min=0,
        ),
    ] = 2.0,
    model: Model = DEFAULT,
    strength: Strength = 1.0,
    self_ensemble: SelfEnsemble = 1,
    grain: Grain = 0.0,
    grain_seed: GrainSeed = 0,
    format: Format = None,
    quality: Quality = None,
    device: Device = "auto",
    runtime: RuntimeName = "auto",
    tile: Tile = None,
    overlap: Overlap = None,
    whole: Whole = False,
    threads: Threads = None,
    precision: Precision = "auto",
    local: Local = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per picture.")
    ] = False,
) -> None:
    """Restore every picture that arrives in a folder.

    Pictures that are already there come first, and those that arrived while the command did not
    run. Each is restored once, also after a restart or a power cut, even if its result was moved
    elsewhere since. A picture that changes is restored again, and its result replaced; a file that
    mirnet did not write is never replaced. Failures are tried again when the picture changes and
    at the next start.

    What was handled stands in the output folder, in .mirnet-watch.jsonl: delete that file, and the
    results, to start afresh. Needs the extra `watch`.

    \b
    Examples:
      mirnet watch incoming -o restored
      mirnet watch ~/scans -o ~/clean --format png --strength 0.7
      mirnet watch /mnt/camera -o /srv/restored --recursive --settle 10 --json

    Exit codes: 0 stopped by Ctrl-C or SIGTERM, 2 bad arguments, or the folder is gone.
    """
    check_grain(grain, grain_seed)

    from mirnet import api
    from mirnet.cli import restore_output
    from mirnet.cli.progress import PictureProgress
    from mirnet.watch.watch import opened

    treat_termination_as_interruption()
    counts: Counter[str] = Counter()
    try:
        with (
            opened(folder, output, recursive=recursive, format=format, settle=settle) as watched,
            api.load(
                model,
                device=device,
                runtime=runtime,
                tile=tile,
                overlap=overlap,
                strength=strength,
                self_ensemble=self_ensemble,
                grain=grain,
                grain_seed=grain_seed,
                threads=threads,
                precision=precision,
                local=local,
            ) as restorer,
        ):
            typer.echo(f"mirnet: watching {folder}; Ctrl-C stops", err=True)
            for route in watched.pictures():
                progress = PictureProgress([route], overwrite=True)
                with progress.bar:
                    result = watched.restore(
                        route, restorer, quality=quality, progress=progress.advance
                    )
                    if result is None:
                        continue
                    progress.finish(result)
                    counts[result.status] += 1
                    restore_output.print_result(
                        result, None, progress, restorer, as_json=as_json, hint="left as it is"
                    )
    except KeyboardInterrupt:
        parts = ", ".join(f"{counts[status]} {status}" for status in ("restored", "failed"))
        typer.echo(f"mirnet: stopped; {parts}", err=True)
