"""Options of all commands that restore: which model, where it runs, in what tiles."""

from typing import Annotated

import typer


def _tile_side(text: str) -> int | None:
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither auto nor a number") from None


def height_and_width(text: str) -> tuple[int, int]:
    """Of a picture, from HxW or from one number for both.

    Raises:
        ValueError: if it is neither.

    >>> height_and_width("384x512"), height_and_width("192")
    ((384, 512), (192, 192))
    """
    height, times, width = text.lower().partition("x")
    return int(height), int(width if times else height)


Model = Annotated[str, typer.Option(help="A model's name (see `mirnet models`) or its file.")]

Strength = Annotated[
    float,
    typer.Option(
        help="0 gives the input, 1 the network's result; between, fine grain of the luminance "
        "comes back, and hardly any colour noise.",
        min=0,
        max=1,
    ),
]

SelfEnsemble = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Average N turned and mirrored views, up to 8: less noise, N times as long (also "
        "known as test-time augmentation).",
        min=1,
        max=8,
    ),
]

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, tensorrt, coreml or directml.")]

RuntimeName = Annotated[str, typer.Option(help="auto, mnn, openvino, onnx, pytorch or paddle.")]

Tile = Annotated[
    int | None,
    typer.Option(
        help="auto, or the side of the tiles in pixels: less needs less memory.",
        parser=_tile_side,
        metavar="auto|N",
        show_default="auto",
    ),
]
"""None for auto."""

Overlap = Annotated[
    int | None,
    typer.Option(
        help="Pixels that neighbouring tiles share. [16, or 64 for models that average over "
        "windows]"
    ),
]

Precision = Annotated[
    str,
    typer.Option(
        help="auto, or f32. auto takes bfloat16 on processors where it is faster: some pixels then "
        "differ by a level or two."
    ),
]

Local = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="For weights of others, whose network averages over all it sees: average over windows "
        "of N pixels, 1.5 times the training patch, so that tiles do not show. Multiples of 12; "
        "wants PyTorch.",
    ),
]

Threads = Annotated[
    int | None,
    typer.Option(help="On the CPU; fewer leave room for other work. [all cores]", min=1),
]
