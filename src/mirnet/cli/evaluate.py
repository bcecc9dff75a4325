"""`mirnet evaluate`: PSNR and SSIM of a model over pairs."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirnet.cli.endings import (
    FAILED,
    interruptible,
    needs_train,
    treat_termination_as_interruption,
)
from mirnet.cli.options import Device, Model, Overlap, RuntimeName, Strength, Threads, Tile
from mirnet.cli.submission import Benchmark
from mirnet.errors import DataError

if TYPE_CHECKING:
    from rich.progress import Progress

    from mirnet.evaluation.run import Failed, Measured


def evaluate(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA", help="Folders of pairs, of shards, or of SIDD's .mat files."
        ),
    ],
    model: Model = "denoise",
    strength: Strength = 1.0,
    limit: Annotated[
        int | None, typer.Option(help="Only the first N pairs of each DATA. [all]", min=1)
    ] = None,
    save_images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Save the restored pictures there, as PNG."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a table there, one row a pair.")
    ] = None,
    submit: Annotated[
        Benchmark | None,
        typer.Option(help="Measure nothing: write what this benchmark takes."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Of --submit. [SubmitSrgb.csv, or the folder dnd_submission]"
        ),
    ] = None,
    device: Device = "auto",
    runtime: RuntimeName = "auto",
    tile: Tile = None,
    overlap: Overlap = None,
    threads: Threads = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a pair, and a last one with the means.")
    ] = False,
) -> None:
    """Measure PSNR and SSIM of a model over pairs.

    DATA holds the two halves as folders, such as input/ and groundtruth/ or noisy/ and clean/
    (pairs have the same name in both), or shards of `mirnet data pack`, or SIDD's
    ValidationNoisyBlocksSrgb.mat and ValidationGtBlocksSrgb.mat. The noisy input is measured too.
    SSIM goes by three protocols, which docs/measuring.md explains.

    With --submit, DATA is a benchmark whose truth is not public, and its blocks are restored into
    what the benchmark takes: of sidd, BenchmarkNoisyBlocksSrgb.mat into one .csv (or .mat) file;
    of dnd, info.mat and images_srgb/ into a folder.

    \b
    Examples:
      mirnet evaluate sidd_mini/val
      mirnet evaluate SIDD --model runs/mine/best.ckpt --tile 256
      mirnet evaluate val test --save-images restored --csv scores.csv
      mirnet evaluate val --limit 20 --json > scores.jsonl
      mirnet evaluate SIDD --submit sidd -o SubmitSrgb.csv
      mirnet evaluate DND --submit dnd -o dnd_submission

    Exit codes: 0 all measured or written, 1 some pairs failed (the means leave them out), 2 bad
    arguments or data, 130 interrupted.
    """
    from mirnet import api
    from mirnet.cli import scores_output, submission
    from mirnet.cli.bars import Rate, print_result, progress_bar
    from mirnet.evaluation.restored_images import RestoredImages
    from mirnet.evaluation.run import Summary, run
    from mirnet.evaluation.sets import open_all
    from mirnet.restoration.restorer import TILE

    if submit:
        load = partial(
            api.load,
            model,
            device=device,
            runtime=runtime,
            tile=TILE if tile is None else tile,
            overlap=overlap,
            strength=strength,
            threads=threads,
        )
        others = {"--limit": limit, "--save-images": save_images, "--csv": csv}
        submission.submit(
            submit, folders, output, load, model=model, others=others, as_json=as_json
        )
        return
    if output:
        raise DataError(f"-o {output} is for --submit: a table goes to --csv")
    treat_termination_as_interruption()
    with ExitStack() as stack:
        # means of a part would pass for those of all
        stack.enter_context(interruptible("means are made at the end alone"))
        with needs_train("reading shards"):
            data_sets = open_all(folders, limit=limit)
        images = RestoredImages(save_images, folders) if save_images else None
        restorer = stack.enter_context(
            api.load(
                model,
                device=device,
                runtime=runtime,
                tile=TILE if tile is None else tile,
                overlap=overlap,
                strength=strength,
                threads=threads,
            )
        )
        table = stack.enter_context(scores_output.table(csv)) if csv else None
        bar = stack.enter_context(progress_bar(Rate("pairs")))
        task = bar.add_task("evaluating", total=sum(data.count for data in data_sets))
        summaries = {data.folder: Summary() for data in data_sets}
        overall = Summary()
        for result in run(data_sets, restorer, images):
            for summary in (summaries[result.folder], overall):
                summary.add(result)
            if as_json:
                print_result(bar, scores_output.json_line(result))
            if table:
                table.writerow(scores_output.row(result))
            _print_trouble(bar, result)
            bar.update(task, advance=1, refresh=True)
        last = scores_output.json_means(model, restorer, summaries, overall)
    typer.echo(last if as_json else scores_output.text(summaries, overall))
    for line in scores_output.left_out(overall):
        typer.echo(f"mirnet: {line}", err=True)
    if overall.failed:
        raise typer.Exit(FAILED)


def _print_trouble(bar: "Progress", result: "Measured | Failed") -> None:
    """What went wrong with a pair, at once, on standard error."""
    from mirnet.cli.bars import print_message
    from mirnet.evaluation.run import Failed

    pair = f"{result.folder}, {result.name}"
    pair = pair if pair.isprintable() else repr(pair)
    if isinstance(result, Failed):
        print_message(bar, f"mirnet: {pair}: {result.error}")
    elif result.tiles_kept:
        print_message(
            bar,
            f"mirnet: {pair}: {result.tiles_kept} of {result.tiles} tiles were left as they "
            "were: the network gave no usable result there",
        )
