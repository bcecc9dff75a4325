"""`mirnet export`: a model for another runtime or framework."""

from pathlib import Path
from typing import Annotated

import typer

from mirnet.cli.endings import interruptible, treat_termination_as_interruption
from mirnet.cli.options import height_and_width
from mirnet.errors import ShapeError
from mirnet.extras import needs


def _fixed_size(text: str) -> tuple[int, int]:
    try:
        return height_and_width(text)
    except ValueError:
        raise ShapeError(f"a size is HxW or a number, as in 192x256 or 192, got {text!r}") from None


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A name (see `mirnet models`), a weights file, or hf://owner/name.",
        ),
    ],
    format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT", help="onnx, openvino, mnn, safetensors, pth, pdparams or paddle."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Output folder.")
    ] = Path(),
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the file, without suffix.", show_default="as MODEL"
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store the weights in half precision.")
    ] = False,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="HxW|N",
            help="Fix the pictures' size, as some accelerators need it; for onnx and openvino.",
            show_default="any size",
        ),
    ] = None,
    local: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Average over windows of N pixels instead of the whole picture, so that tiles do "
            "not show. Take 1.5 times the training patch, a multiple of 12.",
        ),
    ] = None,
) -> None:
    """Convert a model for another runtime or framework, and check the result against the source.

    \b
    Examples:
      mirnet export denoise --format onnx
      mirnet export runs/denoise/last.ckpt --format onnx -o models
      mirnet export official.pth --format mnn --half
      mirnet export model_best.pdparams --format onnx --local 384
      mirnet export denoise --format openvino --size 192
      mirnet export denoise --format pdparams
      mirnet export model_best.pdparams --format paddle -o models
    """
    with needs("train", "exporting"):
        from mirnet import export as exporting
    treat_termination_as_interruption()
    with interruptible("nothing was written"):
        path, difference = exporting.export(
            model,
            format,
            output,
            name=name,
            half=half,
            size=_fixed_size(size) if size else None,
            local=local,
        )
    megabytes = sum(file.stat().st_size for file in exporting.files(path)) / 1e6
    typer.echo(f"{path}  {megabytes:.1f} MB  largest difference {difference:.1e}")
