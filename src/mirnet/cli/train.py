"""`mirnet train`: a recipe in, a network out."""

import logging
import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirnet.cli.endings import interruptible
from mirnet.extras import needs

if TYPE_CHECKING:
    from mirnet.training.recipe import Recipe
    from mirnet.training.start import Options
    from mirnet.training.summary import RunSummary


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d+:[0-5]\d:[0-5]\d", text):
        raise typer.BadParameter(f"{text!r} is not HH:MM:SS")
    hours, minutes, seconds = (float(part) for part in text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _checkpoint(text: str) -> Path | None:
    if text == "auto":
        return None
    if not Path(text).is_file():
        raise typer.BadParameter(f"{text!r} is neither auto nor a file")
    return Path(text)


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="Name of a shipped recipe, or a .toml file.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a value of the recipe; repeat for several."
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="Folder for checkpoints and logs."),
    ] = Path("runs/train"),
    resume: Annotated[
        Path | None,
        typer.Option(
            parser=_checkpoint,
            metavar="auto|FILE",
            help="Checkpoint to resume from; auto takes the last one in OUTPUT, if any.",
            show_default="auto",
        ),
    ] = None,
    accelerator: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu or cuda.")] = "auto",
    devices: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Processes per machine.",
            show_default="one per GPU, or one on the CPU",
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Number of machines.",
            show_default="from torchrun or SLURM, else 1",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="32-true, bf16-mixed or 16-mixed.",
            show_default="from the recipe",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Data loader processes per device.",
            show_default="by the number of cores",
        ),
    ] = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            parser=_seconds, metavar="HH:MM:SS", help="Save a checkpoint and stop after this time."
        ),
    ] = None,
    viewer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Log for tensorboard or visualdl; repeat for both.",
            show_default="tensorboard",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check data and weights, print what each stage would do, and stop.",
        ),
    ] = False,
) -> None:
    """Train a network, or resume the run in OUTPUT.

    Data and weights are checked before training starts. With validation.pairs, the weights are
    validated before the first step, at intervals, and at the end; best.ckpt keeps the best.

    \b
    Examples:
      mirnet train denoise --set data.photographs=photos -o runs/denoise
      mirnet train sidd-1gpu --set data.pairs=patches --devices 2 --dry-run
      mirnet train my.toml --set optim.lr=1e-4 --max-time 02:00:00
      mirnet train denoise --set data.photographs=photos --set 'camera.softness=[0.3,1]'
      torchrun --nproc-per-node 4 -m mirnet train sidd-4gpu --set data.pairs=patches
      tensorboard --logdir runs/denoise/logs
    """
    from mirnet.training import recipe as recipes

    changes = [*(settings or []), *([f"precision={precision}"] if precision else [])]
    loaded = recipes.load(recipe, changes)
    with needs("train", "training"):
        from mirnet.training import start
        from mirnet.training.devices import is_first
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells of its choices
    options = start.Options(
        accelerator=accelerator,
        devices=devices,
        nodes=nodes,
        workers=_workers(accelerator) if workers is None else workers,
        resume=resume,
        seconds=math.inf if max_time is None else max_time,
        viewers=tuple(viewer or ["tensorboard"]),
    )
    if dry_run:
        typer.echo(start.describe(loaded, options))
        return
    with interruptible():
        summary = _run(loaded, output, options)
    if is_first():
        typer.echo(summary, err=True)
        typer.echo(summary.last)


def _run(recipe: "Recipe", output: Path, options: "Options") -> "RunSummary":
    from mirnet.training import start
    from mirnet.training.devices import is_first

    if not is_first():
        return start.train(recipe, output, options)
    if sys.stderr.isatty():
        from mirnet.cli.training_progress import TrainingProgress

        progress = TrainingProgress()
        with progress.bar:
            return start.train(recipe, output, options, observe=progress.show)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("mirnet").setLevel(logging.INFO)
    return start.train(recipe, output, options)


def _workers(accelerator: str) -> int:
    """Data loader processes: none on a CPU, which the network needs itself; up to eight per GPU."""
    import torch

    from mirnet.system import cores

    if accelerator == "cpu" or not torch.cuda.is_available():
        return 0
    return min(8, max(cores.available() // torch.cuda.device_count() - 1, 1))
