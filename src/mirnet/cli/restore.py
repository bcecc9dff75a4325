"""`mirnet restore`: pictures in, restored pictures out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirnet.cli.endings import FAILED, interruptible, treat_termination_as_interruption
from mirnet.cli.options import (
    MAX_SECONDS,
    Device,
    Exclude,
    Grain,
    GrainSeed,
    Include,
    Local,
    MaxSeconds,
    Models,
    Overlap,
    Precision,
    Quality,
    Retry,
    RuntimeName,
    SelfEnsemble,
    Strength,
    Tasks,
    Threads,
    Tile,
    Whole,
    check_grain,
)
from mirnet.models.catalog import DEFAULT, for_task

if TYPE_CHECKING:
    from mirnet.evaluation.reference.comparison import Comparison
    from mirnet.restoration.folder import FileResult


def restore(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="INPUT", help="Pictures or folders.", show_default=False),
    ] = None,
    left: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Left view of a dual-pixel sensor, or a folder of them, in the place of INPUT.",
        ),
    ] = None,
    right: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Right view, or a folder of them with the names of the left ones."
        ),
    ] = None,
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
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="PAGE.html",
            help="Write a page with the pictures before and after, to open in a browser or send.",
        ),
    ] = None,
    model: Models = None,
    task: Tasks = None,
    strength: Strength = 1.0,
    self_ensemble: SelfEnsemble = 1,
    grain: Grain = 0.0,
    grain_seed: GrainSeed = 0,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="Output format: jpeg, png, tiff, webp or avif; of RAW files also dng.",
            show_default="as the input",
        ),
    ] = None,
    quality: Quality = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Redo pictures whose results already exist.")
    ] = False,
    device: Device = "auto",
    runtime: RuntimeName = "auto",
    tile: Tile = None,
    overlap: Overlap = None,
    whole: Whole = False,
    threads: Threads = None,
    precision: Precision = "auto",
    local: Local = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Restore the I-th of N shards of one folder, counted from 0, as a part of a "
            "`mirnet cluster` job; auto asks SLURM or Kubernetes. Only shards take --include, "
            "--exclude, --retry and --max-seconds.",
        ),
    ] = None,
    include: Include = None,
    exclude: Exclude = None,
    retry: Retry = "none",
    max_seconds: MaxSeconds = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per picture.")
    ] = False,
) -> None:
    """Restore pictures.

    Size, bit depth, transparency, EXIF, XMP, colour profile and resolution are kept, and the
    original is never touched. Without -o, each result is written beside its input as
    NAME_restored.EXT. To resume after an interruption, run the same command again: finished
    pictures are skipped. With --reference and --compare, existing results are included. Models that
    enlarge write larger pictures; models for dual-pixel sensors take --left and --right. Of several
    --model, each restores what the one before it made, in the order given, in one pass over the
    file and without rounding in between; all other options are those of each.

    Results of another --strength are kept. Beside the input, the new one is named
    NAME_restored_strength0.7.EXT; in a folder with results of another strength,
    NAME_strength0.7.EXT.

    \b
    Examples:
      mirnet restore night.jpg
      mirnet restore photos/ -o restored/ --recursive
      mirnet restore scan.tif -o clean.png --strength 0.7
      mirnet restore keepsake.jpg --self-ensemble 4
      mirnet restore portrait.jpg --grain 4
      mirnet restore noisy/ -o restored/ --reference clean/
      mirnet restore photos/ -o restored/ --compare before_after.html
      mirnet restore *.nef --format tiff --json > results.jsonl
      mirnet restore night.nef --format dng
      mirnet restore night.jpg --task denoise
      mirnet restore small.jpg --model denoise --model enlarge-x2.mnn
      mirnet restore --left L.png --right R.png -o sharp.png --model dual_pixel.pth
      mirnet restore photos/ -o restored/ --recursive --shard 0/8
      mirnet restore photos/ -o restored/ -r --shard 0/8 --include '*.jpg' --retry failed

    Exit codes: 0 all restored, 1 some failed, could not be measured or shown, or lie in folders
    that cannot be read (the others are done), 2 bad arguments, 130 interrupted.
    """
    check_grain(grain, grain_seed)
    if model and task:
        raise typer.BadParameter("--model and --task do not go together")
    model = model or [for_task(each).name for each in task or ()] or [DEFAULT]
    if shard:
        from mirnet.cli.cluster.shard import restore_shard

        alone = {
            "--reference": reference,
            "--compare": compare,
            "--left": left,
            "a second --model": len(model) > 1,
        }
        for option, value in alone.items():
            if value:
                raise typer.BadParameter(f"--shard and {option} do not go together")
        restore_shard(
            inputs or [],
            output,
            shard,
            recursive=recursive,
            include=include,
            exclude=exclude,
            retry=retry,
            max_seconds=max_seconds or MAX_SECONDS,
            overwrite=overwrite,
            threads=threads,
            as_json=as_json,
            model=model[0],
            strength=strength,
            self_ensemble=self_ensemble,
            grain=grain,
            grain_seed=grain_seed,
            format=format,
            quality=quality,
            device=device,
            runtime=runtime,
            precision=precision,
            tile=tile,
            overlap=overlap,
            whole=whole,
            local=local,
        )
        return
    of_shards = {
        "--include": bool(include),
        "--exclude": bool(exclude),
        "--retry": retry != "none",
        "--max-seconds": max_seconds is not None,
    }
    for option, is_given in of_shards.items():
        if is_given:
            raise typer.BadParameter(f"{option} is for --shard; 0/1 is a shard with everything")

    from mirnet import api
    from mirnet.cli import restore_output
    from mirnet.cli.progress import PictureProgress
    from mirnet.evaluation.reference import comparison as measuring
    from mirnet.evaluation.reference.matching import match
    from mirnet.restoration import folder

    if (left is None) != (right is None) or bool(inputs) == (left is not None):
        raise typer.BadParameter("give INPUT, or --left and --right")
    left_out = folder.LeftOut()
    jobs = folder.plan(
        [left] if left else inputs or [],
        output,
        recursive=recursive,
        format=format,
        left_out=left_out,
        strength=strength,
    )
    if right:
        jobs = folder.pair_views(jobs, right)
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
            whole=whole,
            threads=threads,
            precision=precision,
            local=local,
            grain=grain,
            grain_seed=grain_seed,
        ) as restorer,
        restore_output.comparing(compare, jobs, " + ".join(model), restorer) as page,
    ):
        restore_output.print_order(model, restorer)
        folder.note_strength(jobs, output, strength)
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
                comparison = (
                    measuring.compare(result, references[result.target]) if reference else None
                )
                if comparison:
                    comparisons.append(comparison)
                progress.finish(result)
                restore_output.print_result(result, comparison, progress, restorer, as_json=as_json)
                page.show(result, progress)
    restore_output.print_left_out(left_out)
    if len(jobs) > 1:
        restore_output.print_summary(results)
    if reference:
        restore_output.print_means(reference, comparisons, as_json=as_json)
    if (
        any(result.status == "failed" for result in results)
        or any(comparison.error for comparison in comparisons)
        or page.has_failed
        or left_out.unreadable
    ):
        raise typer.Exit(FAILED)
