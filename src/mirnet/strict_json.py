"""JSON that every program reads: it knows neither infinity nor NaN, so they become null."""

import json
import math
from pathlib import Path
from typing import Any


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The same as JSON has it: paths as text, tuples as lists, numbers that are not finite as null.

    >>> plain({"psnr": (30.5, float("inf")), "image": Path("a.png")})
    {'psnr': [30.5, None], 'image': 'a.png'}
    """
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def dumps(value: Any, *, indent: int | None = None) -> str:  # noqa: ANN401 - whatever JSON holds
    """The text of what `plain` makes of it."""
    return json.dumps(plain(value), allow_nan=False, indent=indent)
