"""Values of options that more than one command takes."""

import typer


def tile_side(text: str) -> int | None:
    """The side of the tiles in pixels; None for `auto`.

    Raises:
        typer.BadParameter: if it is neither.
    """
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither auto nor a number") from None
