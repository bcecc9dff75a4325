"""`mirnet restore`: pictures in, restored pictures out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirnet.cli.endings import FAILED, interruptible, treat_termination_as_interruption
from mirnet.cli.options import (
    Device,
    Local,
    Model,
    Overlap,
    Precision,
    RuntimeName,
    SelfEnsemble,
    Strength,
    Threads,
    Tile,
)
from mirnet.models.catalog import DEFAULT

if TYPE_CHECKING:
    from mirnet.evaluation.reference.comparison import Comparison
    from mirnet.restoration.folder import FileResult


def restore(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Pictures or folders.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="Output folder; for a single picture, a file is fine too.",
            show_default="beside the input",
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Search subfolders too.")
    ] = False,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with the clean pictures, laid out like INPUT (for a single picture, a "
            "file is fine too): measure PSNR and SSIM against them.",
        ),
    ] = None,
    model: Model = DEFAULT,
    strength: Strength = 1.0,
    self_ensemble: SelfEnsemble = 1,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="Output format: jpeg, png, tiff, webp or avif.",
            show_default="as the input",
        ),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Quality of JPEG, WebP and AVIF files.",
            min=1,
            max=100,
            show_default="95, AVIF 90",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Redo pictures whose results already exist.")
    ] = False,
    device: Device = "auto",
    runtime: RuntimeName = "auto",
    tile: Tile = None,
    overlap: Overlap = None,
    threads: Threads = None,
    precision: Precision = "auto",
    local: Local = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per picture.")
    ] = False,
) -> None:
    """Restore pictures.

    Size, bit depth, transparency, EXIF, XMP, colour profile and resolution are kept, and the
    original is never touched. Without -o, each result is written beside its input as
    NAME_restored.EXT. To resume after an interruption, run the same command again: finished
    pictures are skipped. With --reference, existing results are measured too.

    \b
    Examples:
      mirnet restore night.jpg
      mirnet restore photos/ -o restored/ --recursive
      mirnet restore scan.tif -o clean.png --strength 0.7
      mirnet restore keepsake.jpg --self-ensemble 4
      mirnet restore noisy/ -o restored/ --reference clean/
      mirnet restore *.nef --format tiff --json > results.jsonl

    Exit codes: 0 all restored, 1 some failed or could not be measured (the others are done),
    2 bad arguments, 130 interrupted.
    """
    from mirnet import api
    from mirnet.cli import restore_output
    from mirnet.cli.progress import PictureProgress
    from mirnet.evaluation.reference.comparison import compare
    from mirnet.evaluation.reference.matching import match
    from mirnet.restoration import folder

    jobs = folder.plan(inputs, output, recursive=recursive, format=format)
    references = match(jobs, reference) if reference else {}
    treat_termination_as_interruption()
    results: list[FileResult] = []
    comparisons: list[Comparison] = []
    with (
        interruptible(),
        api.load(
            model,
            device=device,
            runtime=runtime,
            tile=tile,
            overlap=overlap,
            strength=strength,
            self_ensemble=self_ensemble,
            threads=threads,
            precision=precision,
            local=local,
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
                comparison = compare(result, references[result.target]) if reference else None
                if comparison:
                    comparisons.append(comparison)
                progress.finish(result)
                restore_output.print_result(result, comparison, progress, restorer, as_json=as_json)
    if len(jobs) > 1:
        restore_output.print_summary(results)
    if reference:
        restore_output.print_means(reference, comparisons, as_json=as_json)
    if any(result.status == "failed" for result in results) or any(
        comparison.error for comparison in comparisons
    ):
        raise typer.Exit(FAILED)
