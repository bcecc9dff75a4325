r"""JSON that every program reads: it knows neither infinity nor NaN, nor text that is no Unicode.

Bytes of file names that are not UTF-8, which Python holds as lone surrogates, are spelt out, as in
tables and on the terminal: the byte FF is \udcff.
"""

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
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Path | str):
        return str(value).encode(errors="backslashreplace").decode()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def dumps(value: Any, *, indent: int | None = None) -> str:  # noqa: ANN401 - whatever JSON holds
    """The text of what `plain` makes of it."""
    return json.dumps(plain(value), allow_nan=False, indent=indent)
