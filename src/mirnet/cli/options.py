"""Options shared by all commands that restore: model, device, tiles."""

from typing import Annotated, Literal

import typer

from mirnet.models.catalog import DEFAULT


def _tile_side(text: str) -> int | None:
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither auto nor a number") from None


def height_and_width(text: str) -> tuple[int, int]:
    """Parse HxW, or one number for both.

    Raises:
        ValueError: if it is neither.

    >>> height_and_width("384x512"), height_and_width("192")
    ((384, 512), (192, 192))
    """
    height, times, width = text.lower().partition("x")
    return int(height), int(width if times else height)


Model = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE",
        help="Model to use: a name (see `mirnet models`), a file, or hf://owner/name once it is "
        "pulled.",
    ),
]

Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="NAME|FILE",
        help="A name from `mirnet models` or a model file. Give it again for a model that restores "
        "what the last one made.",
        show_default=DEFAULT,
    ),
]

Tasks = Annotated[
    list[str] | None,
    typer.Option(
        "--task",
        metavar="TASK",
        help="What to do, in the place of --model: the first model for it in `mirnet models`. "
        "Give it again for a further task.",
    ),
]

Strength = Annotated[
    float,
    typer.Option(
        metavar="X",
        help="0 returns the input, 1 the network's full result. In between, some fine luminance "
        "grain stays, but hardly any colour noise.",
        min=0,
        max=1,
    ),
]

SelfEnsemble = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Average N flipped and rotated views (1 to 8): less noise, N times as slow. Also "
        "called test-time augmentation.",
        min=1,
        max=8,
    ),
]

Whole = Annotated[
    bool,
    typer.Option(
        "--whole",
        help="Run each picture in one piece, without tiles, as models that change the light must. "
        "Memory grows with the picture.",
    ),
]

Grain = Annotated[
    float,
    typer.Option(
        metavar="N",
        help="Add fine grey grain to the result: standard deviation in mid grey, in levels of 255; "
        "2 to 6 looks natural.",
        min=0,
        max=50,
    ),
]

GrainSeed = Annotated[
    int,
    typer.Option(metavar="N", help="Another number gives other grain; takes --grain, too.", min=0),
]

Device = Annotated[
    str, typer.Option(metavar="NAME", help="auto, cpu, cuda, tensorrt, coreml or directml.")
]

RuntimeName = Annotated[
    str, typer.Option(metavar="NAME", help="auto, mnn, openvino, onnx, pytorch or paddle.")
]

Tile = Annotated[
    int | None,
    typer.Option(
        help="Side of the tiles in pixels; smaller tiles need less memory.",
        parser=_tile_side,
        metavar="auto|N",
        show_default="auto",
    ),
]
"""None for auto."""

Overlap = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Pixels that neighbouring tiles share.",
        show_default="16, or 64 for models that average over windows",
    ),
]

Precision = Annotated[
    str,
    typer.Option(
        metavar="auto|f32",
        help="auto uses bfloat16 on processors where it is faster; some pixels then differ by a "
        "level or two.",
    ),
]

Local = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="For third-party weights, whose network averages over the whole tile: average over "
        "windows of N pixels instead, so that tiles do not show. Take 1.5 times the training "
        "patch, a multiple of 12. Needs PyTorch.",
    ),
]

Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="CPU threads; fewer leave room for other work.",
        min=1,
        show_default="all cores",
    ),
]

Format = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="Output format: jpeg, png, tiff, webp or avif.",
        show_default="as the input",
    ),
]

Quality = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Quality of JPEG, WebP and AVIF files.",
        min=1,
        max=100,
        show_default="95, AVIF 90",
    ),
]

Include = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB", help="Only pictures whose path matches; give it again for several."
    ),
]

Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="No pictures whose path matches; give it again for several."),
]

Retry = Annotated[
    Literal["none", "failed", "all"],
    typer.Option(
        metavar="none|failed|all",
        help="failed: try again whatever failed; all: redo everything. Errors of reading and "
        "writing are always tried again.",
    ),
]

MAX_SECONDS = 3600.0
"""Seconds that a picture of a job may take by default."""

MaxSeconds = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        min=0.1,
        help="Seconds that a picture may take.",
        show_default=f"{MAX_SECONDS:g}",
    ),
]
"""None for `MAX_SECONDS`."""


def check_grain(grain: float, seed: int) -> None:
    """Refuse a seed that would have no effect.

    Raises:
        typer.BadParameter: if there is a seed and no grain.
    """
    if seed and not grain:
        raise typer.BadParameter("--grain-seed chooses among grains: give --grain, too")
