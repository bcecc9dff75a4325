"""`mirnet train`: a recipe in, a network out."""

import logging
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mirnet.cli.endings import needs_train, resumable


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d+:[0-5]\d:[0-5]\d", text):
        raise typer.BadParameter(f"{text!r} is not HH:MM:SS")
    hours, minutes, seconds = (float(part) for part in text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a .toml file.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe."),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for checkpoints and logs.")
    ] = Path("runs/train"),
    accelerator: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    max_time: Annotated[
        float | None,
        typer.Option(parser=_seconds, metavar="HH:MM:SS", help="Stop then, with a checkpoint."),
    ] = None,
) -> None:
    """Train a network, or go on with the run that OUTPUT holds.

    \b
    Examples:
      mirnet train denoise --set data.photographs=photos -o runs/denoise
      mirnet train my.toml --set optim.lr=1e-4 --max-time 02:00:00
      tensorboard --logdir runs/denoise/logs
    """
    from mirnet.training import recipe as recipes

    loaded = recipes.load(recipe, settings or [])
    with needs_train("training"):
        from mirnet.training import loop
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells of its choices
    options: dict[str, Any] = {"seconds": max_time, "accelerator": accelerator}
    with resumable():
        if sys.stderr.isatty():
            from mirnet.cli.training_progress import TrainingProgress

            progress = TrainingProgress(loaded)
            with progress.bar:
                last = loop.train(loaded, output, observe=progress.show, **options)
        else:
            logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
            logging.getLogger("mirnet").setLevel(logging.INFO)
            last = loop.train(loaded, output, **options)
    typer.echo(str(last))
