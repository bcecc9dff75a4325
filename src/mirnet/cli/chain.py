"""`mirnet chain`: from data to inference in one go, with a figure and a bound for each link."""

import logging
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirnet.cli.endings import (
    FAILED,
    interruptible,
    treat_termination_as_interruption,
)
from mirnet.extras import needs

if TYPE_CHECKING:
    from mirnet.chain.config import ChainConfig


class Mode(StrEnum):
    """How much a chain does."""

    LITE = "lite"
    FULL = "full"


def chain(
    mode: Annotated[
        Mode,
        typer.Option(
            metavar="lite|full",
            help="lite draws its own pictures and trains for a minute; full takes your data.",
        ),
    ] = Mode.LITE,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for all results.")
    ] = Path("chain"),
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A folder of real pairs or shards. lite runs the network small on them for a few "
            "steps, beside its own; full trains on them, or on SIDD-Medium as distributed.",
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="Recipe: a shipped one or a .toml file.",
            show_default="a shortened lite, for full sidd-1gpu",
        ),
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a value of the recipe; repeat for several."
        ),
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Runtime for inference; repeat for several.",
            show_default="all that are installed",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record as JSON instead of the table.")
    ] = False,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Keep models, checkpoints and pictures even when a lite chain passes.",
        ),
    ] = False,
) -> None:
    """Prepare data, train, evaluate, export to every format, and run every runtime.

    An end-to-end test. Each link has a figure and a bound: patches equal what was cut, an
    interrupted run resumes where it stopped, restored pictures are at least 1 dB closer to the
    ground truth than noisy ones, each exported file computes what the network does, and each
    runtime restores the same pictures as PyTorch on the CPU, to one level of 255 and 0.05 dB. The
    first link that fails ends the chain and is reported. Whatever is not installed is skipped.

    With --data, a lite chain then does the same with the network small, 64 channels wide, on real
    pairs. A few steps gain nothing, so the bound there is that evaluation and training agree.

    OUTPUT gets chain.json and chain.log; a full chain, or one that failed, keeps all its files
    there. It must be new, empty, or hold an earlier lite chain, which is replaced.

    \b
    Examples:
      mirnet chain
      mirnet chain --set optim.lr=1e-3 --runtime mnn --runtime onnx --keep -o trial
      mirnet chain --data sidd_mini/train
      mirnet chain --mode full --data patches --set validation.pairs=held_out -o sidd
      mirnet chain --json > chain.json

    Exit codes: 0 all links passed or were skipped, 1 a link failed, 2 bad arguments, 130
    interrupted.
    """
    with needs("train", "the chain"):
        # mistakes are told before PyTorch is imported
        config = _config(mode, output, data, recipe, settings or [], runtime or [])
        from mirnet.chain import outputs, start
    from mirnet.cli.chain_progress import ChainProgress

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells of its choices
    treat_termination_as_interruption()
    progress = ChainProgress()
    with interruptible("run it again to start over"), progress.bar:
        results = start.chain(config, progress, keep=keep)
    if as_json:
        typer.echo((output / outputs.RECORD).read_text(encoding="utf-8"), nl=False)
    else:
        typer.echo(outputs.text(results))
    broken = outputs.broken(results)
    if broken:
        reason = f"{broken.link} ({broken.part}): {broken.reason}"
        typer.echo(f"mirnet: the chain failed at {reason}", err=True)
        raise typer.Exit(FAILED)


def _config(
    mode: Mode,
    output: Path,
    data: Path | None,
    recipe: str,
    settings: list[str],
    runtimes: list[str],
) -> "ChainConfig":
    """Make the chain's configuration from the options.

    Raises:
        MirnetError: as `config.lite` and `config.full` do.
    """
    from mirnet.chain import config

    if mode == Mode.FULL:
        if data is None:
            raise typer.BadParameter("--mode full takes its pairs from --data DIR")
        return config.full(output, data, recipe=recipe, settings=settings, runtimes=runtimes)
    return config.lite(output, data, recipe=recipe, settings=settings, runtimes=runtimes)
