"""`mirnet models`: the bundled models and their cards."""

from typing import Annotated

import typer

from mirnet import strict_json
from mirnet.errors import WeightsError


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Model whose card to show.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per model.")
    ] = False,
) -> None:
    """List the models that come with mirnet, or show the card of one.

    \b
    Examples:
      mirnet models
      mirnet models denoise
    """
    from mirnet.models import catalog

    if name is None:
        for model in catalog.MODELS:
            if as_json:
                sizes = {path.suffix: path.stat().st_size for path in model.files()}
                record = {
                    "name": model.name,
                    "task": model.task,
                    "network": model.network,
                    "licence": model.licence,
                    "bytes": sizes,
                }
                typer.echo(strict_json.dumps(record))
            else:
                typer.echo(f"{model.name:12} {model.summary} ({model.network}; {model.licence})")
        return
    found = catalog.find(name)
    if found is None:
        known = ", ".join(model.name for model in catalog.MODELS)
        raise WeightsError(f"no model {name!r}: choose {known}")
    typer.echo(found.card().read_text(encoding="utf-8"))
