"""`mirnet restore`: pictures in, restored pictures out."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirnet.cli.endings import FAILED, interruptible, treat_termination_as_interruption
from mirnet.cli.options import Device, Model, Overlap, RuntimeName, Strength, Threads, Tile

if TYPE_CHECKING:
    from mirnet.cli.progress import PictureProgress
    from mirnet.restoration.folder import Result


def restore(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT", help="Pictures, or folders of them.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder (or file, for one picture). [beside the input]"
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look into folders inside folders.")
    ] = False,
    model: Model = "denoise",
    strength: Strength = 1.0,
    format: Annotated[
        str | None,
        typer.Option(help="jpeg, png, tiff, webp or avif. [as the input]"),
    ] = None,
    quality: Annotated[
        int | None, typer.Option(help="Of JPEG, WebP and AVIF. [95, 95, 90]", min=1, max=100)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Restore again what is there already.")
    ] = False,
    device: Device = "auto",
    runtime: RuntimeName = "auto",
    tile: Tile = None,
    overlap: Overlap = None,
    threads: Threads = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a picture on standard output.")
    ] = False,
) -> None:
    """Restore pictures.

    Size, bit depth, transparency, EXIF, XMP, colour profile and resolution are kept, and the
    original is never touched. Without -o the result lies beside the input as NAME_restored.EXT.
    Run it again after an interruption: finished pictures are skipped.

    \b
    Examples:
      mirnet restore night.jpg
      mirnet restore photos/ -o restored/ --recursive
      mirnet restore scan.tif -o clean.png --strength 0.7
      mirnet restore *.nef --format tiff --json > results.jsonl

    Exit codes: 0 all restored, 1 some failed (the others are done), 2 bad arguments,
    130 interrupted.
    """
    from mirnet import api
    from mirnet.cli.progress import PictureProgress
    from mirnet.restoration import folder
    from mirnet.restoration.restorer import TILE

    jobs = folder.plan(inputs, output, recursive=recursive, format=format)
    treat_termination_as_interruption()
    results: list[Result] = []
    with (
        interruptible(),
        api.load(
            model,
            device=device,
            runtime=runtime,
            tile=TILE if tile is None else tile,
            overlap=overlap,
            strength=strength,
            threads=threads,
        ) as restorer,
    ):
        progress = PictureProgress(jobs, overwrite=overwrite)
        with progress.bar:
            for result in folder.run(
                jobs,
                restorer,
                overwrite=overwrite,
                format=format,
                quality=quality,
                progress=progress.advance,
            ):
                results.append(result)
                progress.finish(result)
                _print_result(result, progress, as_json=as_json)
    if len(jobs) > 1:
        _print_summary(results)
    if any(result.status == "failed" for result in results):
        raise typer.Exit(FAILED)


def _print_result(result: "Result", progress: "PictureProgress", *, as_json: bool) -> None:
    """The result on standard output; what went wrong or changed, on standard error."""
    from mirnet.image.vips import shown

    if as_json:
        record = asdict(result) | {"source": str(result.source), "target": str(result.target)}
        progress.print_result(json.dumps(record))
    if result.status == "failed":
        progress.print_message(f"mirnet: {result.error}")
        return
    if result.tiles_kept:
        progress.print_message(
            f"mirnet: {shown(result.source)}: {result.tiles_kept} of {result.tiles} tiles were "
            "left as they were: the network gave no usable result there"
        )
    for note in result.notes:
        progress.print_message(f"mirnet: {shown(result.source)}: {note}")
    if as_json:
        return
    if result.status == "skipped":
        progress.print_result(
            f"{shown(result.target)} is there already (--overwrite restores it again)"
        )
    else:
        megapixels = result.height * result.width / 1e6
        progress.print_result(
            f"{shown(result.target)}  {result.width}x{result.height}  {result.seconds:.1f} s  "
            f"{megapixels / result.seconds:.2f} MP/s"
        )


def _print_summary(results: list["Result"]) -> None:
    counts = Counter(result.status for result in results)
    parts = [f"{counts[status]} {status}" for status in ("restored", "skipped", "failed")]
    typer.echo("mirnet: " + ", ".join(parts), err=True)
