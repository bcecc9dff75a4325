"""`mirnet models show`: one model's facts, and its card in short."""

from typing import Annotated

import typer

from mirnet import strict_json
from mirnet.errors import WeightsError


def show(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A name (see `mirnet models`), a file, or hf://owner/name."
        ),
    ],
    whole_card: Annotated[
        bool, typer.Option("--card", help="Print the whole card, and nothing else.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what is known of a model: its card in short, facts, and the SHA-256 of its files.

    Models of a hub are shown once they are pulled. The card of a file is the Markdown file of the
    same name beside it.

    \b
    Examples:
      mirnet models show denoise
      mirnet models show denoise --card
      mirnet models show runs/mine/best.ckpt
      mirnet models show hf://owner/name --json
    """
    from mirnet.cli.models.described import describe
    from mirnet.models import address, card, catalog, identity

    if whole_card and as_json:
        raise typer.BadParameter("--card and --json do not go together")
    is_file = address.is_address(model) or address.is_model(model)
    if catalog.find(model) is None and not is_file:
        known = ", ".join(each.name for each in catalog.MODELS)
        raise WeightsError(f"no model {model!r}: choose {known}")
    found = describe(model)
    if whole_card:
        if not found.card:
            raise WeightsError(f"{model} has no card")
        typer.echo(_printable(found.card))
        return
    read = card.read(found.card)
    use = read.section("Intended use")
    files = [
        {"path": str(path), "bytes": path.stat().st_size, "sha256": identity.digest(path)}
        for path in found.files
    ]
    record = {
        "name": found.name,
        "summary": read.summary,
        "task": found.facts.task,
        "network": found.network,
        "parameters": found.facts.parameters,
        "in_channels": found.facts.in_channels,
        "out_channels": found.facts.out_channels,
        "scale": found.facts.scale,
        "multiple": found.facts.multiple,
        "licence": found.licence,
        "files": files,
    }
    if as_json:
        typer.echo(strict_json.dumps(record))
        return
    facts = found.facts
    rows = {
        "task": facts.task or "not stated",
        "network": found.network or "not stated",
        "parameters": f"{facts.parameters:,}" if facts.parameters else "not stated",
        "takes": f"{facts.takes().removeprefix('takes ')}; sides in multiples of {facts.multiple}",
        "licence": found.licence or "not stated",
    }
    typer.echo(_printable(found.name))
    for key, value in rows.items():
        typer.echo(_printable(f"  {key:11} {value}"))
    for file in files:
        typer.echo(
            _printable(f"  {file['path']}\n    {file['bytes']:,} bytes, SHA-256 {file['sha256']}")
        )
    for text in (read.summary, use):
        if text:
            typer.echo(f"\n{_printable(text)}")
    if found.card:
        typer.echo(f"\nThe whole card: mirnet models show {_printable(model)} --card")


def _printable(text: str) -> str:
    """The text without control characters: a card of others may hold any, terminals obey some."""
    return "".join(each if each.isprintable() or each in "\n\t" else "�" for each in text)
