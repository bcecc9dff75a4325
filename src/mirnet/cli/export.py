"""`mirnet export`: a model for another runtime or framework."""

from pathlib import Path
from typing import Annotated

import typer

from mirnet.cli.endings import needs_train


def export(
    model: Annotated[Path, typer.Argument(help="A weights file, of whatever kind.")],
    format: Annotated[str, typer.Option(help="onnx, mnn, safetensors, pth or pdparams.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the file.")] = Path(),
    name: Annotated[str | None, typer.Option(help="The file's name. [as the input]")] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store the weights in half precision.")
    ] = False,
) -> None:
    """Write a model for another runtime or framework, and check it against the source.

    \b
    Examples:
      mirnet export runs/denoise/last.ckpt --format onnx -o models
      mirnet export official.pth --format mnn --half
      mirnet export denoise.safetensors --format pdparams
    """
    with needs_train("exporting"):
        from mirnet import export as exporting
    path, difference = exporting.export(model, format, output, name=name, half=half)
    typer.echo(f"{path}  {path.stat().st_size / 1e6:.1f} MB  largest difference {difference:.1e}")
