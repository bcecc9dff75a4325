"""`mirnet models push`: share a model on a hub."""

from pathlib import Path
from typing import Annotated

import typer

from mirnet.cli.endings import interruptible, treat_termination_as_interruption
from mirnet.cli.models.pull import hide_bars
from mirnet.errors import HubError, WeightsError

SUFFIXES = (".safetensors", ".onnx")
"""What is shared: formats that hold no code of Python's."""


def push(
    model: Annotated[
        Path, typer.Argument(metavar="FILE", help="The model, .safetensors or .onnx.")
    ],
    repository: Annotated[
        str,
        typer.Argument(metavar="ADDRESS", help="hf://owner/name; created if it does not exist."),
    ],
    licence: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Licence of the weights, such as apache-2.0.",
            show_default="as the card states",
        ),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.md",
            help="Model card. It replaces one that the repository has already.",
            show_default="FILE with the suffix .md, or made of the model's facts",
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Create the repository as a private one.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Upload: nothing is asked.")] = False,
    dry_run: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write the card, README.md, into this folder and upload nothing."
        ),
    ] = None,
) -> None:
    """Share a model on Hugging Face, with a card (extra `hub`).

    The card gets the metadata by which the model is found: licence, task, library, tags, and the
    data sets and metrics that its sections Data and Results name. A licence is required. The file's
    metadata, with the recipe of its training, is published as it is. Log in with `hf auth login`,
    or set HF_TOKEN.

    \b
    Examples:
      mirnet models push mine.safetensors hf://owner/name --licence apache-2.0 --dry-run card
      mirnet models push mine.safetensors hf://owner/name --licence apache-2.0 --yes
      mirnet models push mine.onnx hf://owner/name --card mine.md --private --yes

    Exit codes: 0 shared, or the card written; 2 not, and one line says why; 130 interrupted.
    """
    from mirnet.cli.models.described import describe
    from mirnet.models import address, hub, identity
    from mirnet.models import card as cards

    hide_bars()
    place = address.parse(repository)
    if place.revision or place.file:
        raise typer.BadParameter(f"a model is pushed to hf://owner/name, not to {place}")
    if yes == (dry_run is not None):
        raise typer.BadParameter(
            f"this publishes {model} as {place}: give --yes to do so, or --dry-run DIR to see the "
            "card first"
        )
    if model.suffix.lower() not in SUFFIXES:
        raise WeightsError(
            f"{model}: only {' and '.join(SUFFIXES)} are shared; `mirnet export` writes both"
        )
    if not model.is_file():
        raise WeightsError(f"{model}: there is no such file")
    hub.require("pushing models")
    found = describe(str(model))
    text = cards.write(
        model.name,
        place,
        found.facts,
        network=found.network,
        sha256=identity.digest(model),
        text=_text(card) if card else found.card,
        licence_id=licence or "",
    )
    if dry_run is not None:
        typer.echo(_written(text, dry_run / hub.CARD))
        return
    treat_termination_as_interruption()
    with interruptible("nothing was published; an upload is continued by the same command"):
        typer.echo(hub.push(model, place, text, private=private, replace_card=card is not None))


def _text(card: Path) -> str:
    try:
        return card.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise WeightsError(f"{card} is no text in UTF-8") from None


def _written(text: str, path: Path) -> Path:
    from mirnet.system.files import replacing

    if path.exists():
        raise HubError(f"{path} exists: choose another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")
    return path
