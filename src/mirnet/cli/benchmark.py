"""`mirnet benchmark`: how fast a model restores on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirnet.cli.endings import FAILED, interruptible, treat_termination_as_interruption
from mirnet.cli.options import Device, Model, Overlap, Threads, Tile, height_and_width
from mirnet.models.catalog import DEFAULT

if TYPE_CHECKING:
    from mirnet.benchmark.driver import Timings
    from mirnet.benchmark.plan import BenchmarkPlan


def _size(text: str) -> tuple[int, int]:
    try:
        size = height_and_width(text)
    except ValueError:
        size = 0, 0
    if min(size) < 1:
        raise typer.BadParameter(
            f"{text!r} is neither HxW nor a number, as in 384x512 or 512", param_hint="'--size'"
        )
    return size


def benchmark(
    model: Model = DEFAULT,
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            metavar="auto|NAME",
            help="Runtime to measure; repeat for several.",
            show_default="all that are installed and suitable",
        ),
    ] = None,
    device: Device = "auto",
    size: Annotated[
        str | None,
        typer.Option(
            metavar="HxW|N",
            help="Size of the picture.",
            show_default="384x512, with --batch one tile",
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Run the network on N pictures at once, without tiles."
        ),
    ] = None,
    tile: Tile = None,
    overlap: Overlap = None,
    threads: Threads = None,
    rounds: Annotated[
        int, typer.Option(metavar="N", min=1, help="Measured runs of each runtime.")
    ] = 5,
    warm_up: Annotated[
        int, typer.Option(metavar="N", min=0, help="Earlier runs, which do not count.")
    ] = 1,
    format: Annotated[
        str,
        typer.Option(metavar="FORMAT", help="File format: jpeg, png, tiff, webp or avif."),
    ] = "jpeg",
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the stages as a bar chart, a PNG file."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object with every run.")
    ] = False,
) -> None:
    """Measure how fast this machine restores, stage by stage, in each runtime.

    The runtimes take turns in restoring the same synthetic noisy photograph, each in its own
    process. Times are medians over the rounds. docs/benchmark.md explains the stages.

    \b
    Examples:
      mirnet benchmark
      mirnet benchmark --size 2000x3000 --rounds 3 --plot speed.png
      mirnet benchmark --runtime mnn --runtime onnx --threads 1
      mirnet benchmark --model runs/mine/best.ckpt --device cuda --batch 16
      mirnet benchmark --json > speed.json

    Exit codes: 0 all measured, 1 some runtimes failed (the others are measured), 2 bad arguments,
    130 interrupted.
    """
    from mirnet.benchmark.driver import FailedTrial, measure
    from mirnet.benchmark.plan import plan
    from mirnet.cli import benchmark_output
    from mirnet.cli.benchmark_progress import BenchmarkProgress

    planned = plan(
        model,
        runtime or (),
        device=device,
        threads=threads,
        size=_size(size) if size is not None else None,
        format=format,
        batch=batch,
        tile=tile,
        overlap=overlap,
        rounds=rounds,
        warm_up=warm_up,
    )
    if plot:
        _check_plot(plot)
    treat_termination_as_interruption()
    with interruptible("results are only printed at the end"):
        progress = BenchmarkProgress()
        with progress.bar:
            result = measure(planned, progress)
        if plot:
            _draw(plot, planned, result)
    tell = benchmark_output.json_object if as_json else benchmark_output.text
    typer.echo(tell(planned, result))
    for line in benchmark_output.trouble(result):
        typer.echo(f"mirnet: {line}", err=True)
    if any(isinstance(each, FailedTrial) for each in result.outcomes):
        raise typer.Exit(FAILED)


def _check_plot(path: Path) -> None:
    """Raise now for errors that would otherwise appear after minutes of measuring."""
    from mirnet.errors import ImageError
    from mirnet.extras import needs
    from mirnet.system.files import hidden

    with needs("train", "the plot"):
        import matplotlib  # noqa: F401
    if path.suffix.lower() != ".png":
        raise ImageError(f"{path}: the plot is a PNG: give it a name that ends in .png")
    with hidden(path):
        pass


def _draw(path: Path, plan: "BenchmarkPlan", result: "Timings") -> None:
    from mirnet.benchmark import plot
    from mirnet.benchmark.driver import MeasuredTrial
    from mirnet.cli import benchmark_output

    measured = [each for each in result.outcomes if isinstance(each, MeasuredTrial)]
    if measured:
        title, subtitle = benchmark_output.headings(plan, measured)
        plot.draw(path, measured, title=title, subtitle=subtitle)
