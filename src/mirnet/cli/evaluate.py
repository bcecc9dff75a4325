"""`mirnet evaluate`: PSNR, SSIM and more of models and baselines over pairs."""

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from mirnet.cli.endings import (
    FAILED,
    interruptible,
    treat_termination_as_interruption,
)
from mirnet.cli.options import (
    Device,
    Local,
    Overlap,
    Precision,
    RuntimeName,
    SelfEnsemble,
    Strength,
    Threads,
    Tile,
)
from mirnet.cli.sharding import parse_shard
from mirnet.cli.submission import Benchmark
from mirnet.errors import DataError
from mirnet.models.catalog import DEFAULT


def evaluate(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA", help="Folders with pairs, with shards, or with SIDD's .mat files."
        ),
    ],
    model: Annotated[
        list[str],
        typer.Option(
            metavar="NAME|FILE",
            help="Model to use: a name (see `mirnet models`), a file, or hf://owner/name once it "
            "is pulled. Repeat to compare several.",
        ),
    ] = [DEFAULT],  # noqa: B006 - typer copies it
    baseline: Annotated[
        list[str],
        typer.Option(
            metavar="input|nlm|bm3d|bicubic|lanczos",
            help="Baseline to compare with; repeat for several. nlm:25 sets the strength; the last "
            "two enlarge as the models do.",
        ),
    ] = ["input"],  # noqa: B006 - typer copies it
    strength: Strength = 1.0,
    self_ensemble: SelfEnsemble = 1,
    lpips: Annotated[
        bool, typer.Option("--lpips", help="Measure LPIPS too (downloads AlexNet once, 233 MB).")
    ] = False,
    shave: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Pixels along each border that are not measured.",
            min=0,
            show_default="the scale of models that enlarge, else 0",
        ),
    ] = None,
    match_light: Annotated[
        bool,
        typer.Option(
            "--match-light",
            help="Measure too how good results are once they are as bright as the truth.",
        ),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Measure only the first N pairs of each DATA.",
            min=1,
            show_default="all",
        ),
    ] = None,
    save_images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Save the restored pictures to this folder, as PNG."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a table with one row per pair.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write an HTML page with figures, plots and pictures."),
    ] = None,
    report_pictures: Annotated[
        int, typer.Option(metavar="N", help="Maximum number of pairs shown in the page.", min=0)
    ] = 40,
    submit: Annotated[
        Benchmark | None,
        typer.Option(
            metavar="sidd|dnd",
            help="Write the files that this benchmark's server takes, and measure nothing.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="File or folder for --submit; folder or s3://, gs://, az:// for --shard.",
            show_default="SubmitSrgb.csv or dnd_submission",
        ),
    ] = None,
    device: Device = "auto",
    runtime: RuntimeName = "auto",
    tile: Tile = None,
    overlap: Overlap = None,
    whole: Annotated[
        bool,
        typer.Option(
            "--whole",
            help="Run each picture in one piece, without tiles or border, as papers do. Memory "
            "grows with the picture.",
        ),
    ] = False,
    threads: Threads = None,
    precision: Precision = "auto",
    local: Local = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Measure the I-th of N parts, counted from 0, and keep a row per pair in the "
            "folder or object store that -o names; auto asks SLURM or Kubernetes.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object per pair, then one with the means."),
    ] = False,
) -> None:
    """Measure models on noisy and clean pairs: PSNR, SSIM, time, noise before and after.

    DATA is one of: a folder with two subfolders, such as input/ and groundtruth/ or noisy/ and
    clean/, where the halves of a pair have the same name; shards made by `mirnet data pack`; or
    SIDD's ValidationNoisyBlocksSrgb.mat and ValidationGtBlocksSrgb.mat. The noisy input is
    measured too. SSIM follows three protocols, which docs/measuring.md explains. For a model that
    enlarges, the clean halves are larger than the inputs, or of one size, and inputs are shrunk.
    A model of two views takes folders such as inputL/, inputR/ and target/ (docs/data.md), for
    which MAE and the SSIM of that field are measured too.

    With --submit, DATA is a benchmark whose ground truth is not public, and the result is what its
    server takes: for sidd, BenchmarkNoisyBlocksSrgb.mat becomes one .csv (or .mat) file; for dnd,
    info.mat and images_srgb/ become a folder.

    With --shard, processes on machines that share DATA and the folder of -o measure a part each.
    Run the same command again to resume: pairs that are measured stay so. The process that finds
    all pairs measured prints the means, which are those of one process; --shard 0/1 afterwards
    prints them again.

    \b
    Examples:
      mirnet evaluate sidd_mini/val
      mirnet evaluate SIDD --model runs/mine/best.ckpt --whole --precision f32
      mirnet evaluate val test --save-images restored --csv scores.csv
      mirnet evaluate val --model denoise --model mine.onnx --baseline nlm --baseline bm3d:20
      mirnet evaluate val --baseline nlm --report report.html
      mirnet evaluate val --limit 20 --json > scores.jsonl
      mirnet evaluate Set5 --model x2.safetensors --baseline bicubic --baseline lanczos
      mirnet evaluate DPDD/indoor DPDD/outdoor --model dual_pixel.pth --whole --lpips
      mirnet evaluate SIDD --submit sidd -o SubmitSrgb.csv
      mirnet evaluate DND --submit dnd -o dnd_submission
      mirnet evaluate sidd_mini/val --shard 0/8 -o scores

    Exit codes: 0 all measured or written, 1 some pairs failed (and are not in the means), 2 bad
    arguments or data, 130 interrupted.
    """
    from mirnet import api
    from mirnet.cli import scores_output, submission
    from mirnet.cli.evaluation_progress import PairProgress
    from mirnet.evaluation.evaluate import evaluate as measure
    from mirnet.evaluation.perceptual import Lpips

    options: dict[str, Any] = {
        "device": device,
        "runtime": runtime,
        "tile": tile,
        "overlap": overlap,
        "strength": strength,
        "self_ensemble": self_ensemble,
        "whole": whole,
        "precision": precision,
        "local": local,
    }
    load = partial(api.load, threads=threads, **options)
    if submit:
        others = {
            "--limit": limit,
            "--save-images": save_images,
            "--csv": csv,
            "--report": report,
            "--lpips": lpips or None,
            "--shave": shave,
            "--match-light": match_light or None,
            "--shard": shard,
            "--baseline": [name for name in baseline if name != "input"] or None,
        }
        submission.submit(submit, folders, output, load, model, others=others, as_json=as_json)
        return
    if output and not shard:
        raise DataError(f"-o {output} is for --submit and --shard: write tables with --csv")
    if shard:
        alone = {"--save-images": save_images, "--csv": csv, "--report": report}
        for option, value in alone.items():
            if value:
                raise DataError(f"--shard and {option} do not go together")
        if output is None:
            raise DataError("--shard needs -o, where all shards keep their rows")
    treat_termination_as_interruption()
    progress = PairProgress(as_json=as_json)
    # means of a part would pass for those of all
    ending = (
        "run the same command again to resume" if shard else "means are only printed at the end"
    )
    common: dict[str, Any] = {
        "baselines": baseline,
        "limit": limit,
        "lpips": Lpips(device) if lpips else None,
        "shave": shave,
        "match_light": match_light,
        "watcher": progress,
    }
    missing = 0
    with interruptible(ending), progress.bar:
        if shard:
            from mirnet.cluster import scoring
            from mirnet.cluster.places import open_place

            share = scoring.evaluate(
                folders,
                model,
                load,
                open_place(str(output)),
                parse_shard(shard),
                options=options,
                **common,
            )
            evaluation, missing = share.evaluation, share.missing
        else:
            evaluation = measure(
                folders,
                model,
                load,
                save_images=save_images,
                csv=csv,
                report=report,
                report_pictures=report_pictures,
                command=shlex.join(["mirnet", *sys.argv[1:]]),
                **common,
            )
    if missing:
        typer.echo(
            f"mirnet: {missing} pairs are left to other shards: the last one prints the means",
            err=True,
        )
        if evaluation.overall.failed:
            raise typer.Exit(FAILED)
        return
    tell = scores_output.json_means if as_json else scores_output.text
    typer.echo(tell(evaluation.methods, evaluation.summaries, evaluation.overall))
    for line in scores_output.left_out(evaluation.overall):
        typer.echo(f"mirnet: {line}", err=True)
    if evaluation.overall.failed:
        raise typer.Exit(FAILED)
