"""`mirnet models pull`: fetch a model from a hub."""

from typing import Annotated

import typer

from mirnet import strict_json
from mirnet.cli.endings import interruptible, treat_termination_as_interruption


def pull(
    model: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="hf://owner/name[@revision][/file].")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fetch a model from Hugging Face into the cache of huggingface_hub (extra `hub`).

    Then --model hf://owner/name works wherever a model is named; nothing else downloads. What is
    in the cache already is not fetched again. Environment variables are huggingface_hub's:
    HF_TOKEN for private models, HF_ENDPOINT for a mirror, HF_HOME for another folder,
    HF_HUB_OFFLINE to use what is there.

    \b
    Examples:
      mirnet models pull hf://owner/name
      mirnet models pull hf://owner/name@v2/model.onnx
      mirnet restore night.jpg --model hf://owner/name

    Exit codes: 0 it is there, 2 it is not, and one line says why, 130 interrupted.
    """
    from mirnet.models import address, hub

    hide_bars()
    place = address.parse(model)
    treat_termination_as_interruption()
    with interruptible():
        found = hub.pull(place)
    licence = found.licence if found.licence.isprintable() else repr(found.licence)
    if as_json:
        record = {
            "address": str(found.address),
            "path": str(found.path),
            "bytes": found.path.stat().st_size,
            "sha256": found.sha256,
            "licence": found.licence,
        }
        typer.echo(strict_json.dumps(record))
        return
    typer.echo(f"{found.path}")
    typer.echo(f"SHA-256 {found.sha256}")
    typer.echo(f"licence {licence or 'not stated: ask the owner'}")


def hide_bars() -> None:
    """Without a terminal, huggingface_hub's progress bars would fill logs."""
    import os
    import sys

    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
