"""`mirnet models list`: the bundled models."""

from itertools import groupby
from typing import Annotated

import typer

from mirnet import strict_json


def list_models(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per model.")
    ] = False,
) -> None:
    """List the models that come with mirnet, by task.

    \b
    Examples:
      mirnet models list
      mirnet models list --json
    """
    from mirnet.models import catalog, header

    models = sorted(catalog.MODELS, key=lambda model: model.task)
    for task, group in groupby(models, key=lambda model: model.task):
        if not as_json:
            typer.echo(task)
        for model in group:
            sizes = {path.suffix: path.stat().st_size for path in model.files()}
            facts = header.read(model.weights()).facts
            if as_json:
                record = {
                    "name": model.name,
                    "task": model.task,
                    "network": model.network,
                    "parameters": facts.parameters,
                    "licence": model.licence,
                    "bytes": sizes,
                    "summary": model.summary,
                }
                typer.echo(strict_json.dumps(record))
                continue
            files = ", ".join(f"{suffix} {size / 1e6:.1f} MB" for suffix, size in sizes.items())
            typer.echo(f"  {model.name:14} {model.summary}")
            typer.echo(
                f"{'':17}{model.network}; {facts.parameters:,} parameters; {model.licence}; {files}"
            )
