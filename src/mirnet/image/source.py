"""An open picture: what the header says, and its rows from top to bottom."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from mirnet.image.metadata import Metadata
from mirnet.shapes import Pixels

Band = UInt8[np.ndarray, "_ w c"] | UInt16[np.ndarray, "_ w c"] | Float32[np.ndarray, "_ w c"]
"""Some rows of a picture; bands of one picture may differ in height."""

Rows = Callable[[int, int], Pixels]
"""Fetches rows, given the first one and how many. Calls go from top to bottom, once."""


@dataclass(eq=False)
class Source:
    """A picture that is read row by row, upright, in its own dtype.

    The file stays open until the last reference to the source is gone.
    """

    path: Path
    height: int
    """Rows of the upright picture."""
    width: int
    """Columns of the upright picture."""
    dtype: np.dtype[Any]
    """uint8, uint16 or float32; it decides the range."""
    channels: int
    """Of colour: 1 (grey) or 3 (RGB)."""
    metadata: Metadata
    """What is carried over beside the pixels."""
    rows: Rows = field(repr=False)
    """The colour channels."""
    open_alpha: Callable[[], Rows] | None = field(default=None, repr=False)
    """Begins reading the alpha channel at the top, apart from the colour; None without alpha."""
    notes: tuple[str, ...] = ()
    """What the user should know: conversions and things left out, each a phrase."""
    _top: int = field(default=0, init=False, repr=False)

    @property
    def has_alpha(self) -> bool:
        """Whether an alpha channel will be carried over."""
        return self.open_alpha is not None

    def read(self, count: int) -> Pixels:
        """The next `count` rows of colour, h w c; fewer at the end, then none.

        Raises:
            ImageError: if the file turns out to be damaged.
        """
        count = min(count, self.height - self._top)
        if count <= 0:
            return np.empty((0, self.width, self.channels), self.dtype)
        pixels = self.rows(self._top, count)
        self._top += count
        return pixels
