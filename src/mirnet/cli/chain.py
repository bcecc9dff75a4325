"""`mirnet chain`: from data to inference in one go, every link with a figure that must hold."""

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
    from mirnet.chain.setting import Setting


class Mode(StrEnum):
    """How much a chain does."""

    LITE = "lite"
    FULL = "full"


def chain(
    mode: Annotated[
        Mode, typer.Option(help="lite draws pictures and trains a minute; full takes yours.")
    ] = Mode.LITE,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for everything that it makes.")
    ] = Path("chain"),
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Of full: folder of pairs or shards, or SIDD-Medium as it comes."
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="A shipped recipe or a .toml file. [lite, shortened; in full sidd-1gpu]",
        ),
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe."),
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Infer in this runtime, which must be there; again for more. [all there are]",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The record instead of the table on standard output.")
    ] = False,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Keep models, checkpoints and pictures of a lite chain that passed."
        ),
    ] = False,
) -> None:
    """Prepare data, train, evaluate, export to every format, and infer in every runtime.

    Each link has a figure and a bound: patches are what was cut, a run that broke off goes on where
    it was, restored pictures are nearer to the truth than noisy ones by at least 1 dB, each
    exported file computes what the network does, and each runtime restores the same pictures as
    PyTorch on the CPU, to one level of 255 and 0.05 dB. The first link that does not hold ends the
    chain and is named. What is not installed is skipped.

    OUTPUT gets chain.json and chain.log, and keeps everything of a chain that is full or broke. It
    is new or empty, or holds an earlier lite chain, in whose place this one comes.

    \b
    Examples:
      mirnet chain
      mirnet chain --set optim.lr=1e-3 --runtime mnn --runtime onnx --keep -o trial
      mirnet chain --mode full --data patches --set validation.pairs=held_out -o sidd
      mirnet chain --json > chain.json

    Exit codes: 0 all links held or were skipped, 1 a link broke, 2 bad arguments, 130 interrupted.
    """
    with needs("train", "the chain"):
        # mistakes are told before PyTorch is imported
        wanted = _setting(mode, output, data, recipe, settings or [], runtime or [])
        from mirnet.chain import record, start, table
    from mirnet.cli.chain_progress import ChainProgress

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells of its choices
    treat_termination_as_interruption()
    progress = ChainProgress()
    with interruptible("run it again to begin anew"), progress.bar:
        results = start.chain(wanted, progress, keep=keep)
    if as_json:
        typer.echo((output / record.RECORD).read_text(encoding="utf-8"), nl=False)
    else:
        typer.echo(table.text(results))
    broken = record.broken(results)
    if broken:
        reason = f"{broken.link} ({broken.part}): {broken.reason}"
        typer.echo(f"mirnet: the chain broke at {reason}", err=True)
        raise typer.Exit(FAILED)


def _setting(
    mode: Mode,
    output: Path,
    data: Path | None,
    recipe: str,
    settings: list[str],
    runtimes: list[str],
) -> "Setting":
    """What is wanted.

    Raises:
        MirnetError: as `setting.lite` and `setting.full` do.
    """
    from mirnet.chain import setting

    if mode == Mode.FULL:
        if data is None:
            raise typer.BadParameter("--mode full takes its pairs from --data DIR")
        return setting.full(output, data, recipe=recipe, settings=settings, runtimes=runtimes)
    if data is not None:
        raise typer.BadParameter("--data is for --mode full: lite draws its own pictures")
    return setting.lite(output, recipe=recipe, settings=settings, runtimes=runtimes)
