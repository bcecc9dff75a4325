"""A picture that is read twice, whatever it comes from: its pixels in a temporary file."""

import tempfile
import weakref
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mirnet.errors import ImageError
from mirnet.pictures.source import Source
from mirnet.shapes import Pixels

ROWS = 256
"""Rows copied at a time."""


def read_ahead(source: Source, see: Callable[[Pixels], None]) -> Source:
    """The same picture once more from its top, after all of it has been seen.

    It takes as much room in the system's folder for temporary files as the pixels have bytes, until
    the last reference to it is gone, and memory for some rows.

    Args:
        source: freshly opened; read to its end.
        see: called with each band of rows.

    Raises:
        ImageError: if the picture turns out to be damaged, or there is no room for the file.
    """
    shape = source.width, source.channels
    row = source.width * source.channels * source.dtype.itemsize

    def again(top: int, count: int) -> Pixels:
        file.seek(top * row)
        return np.frombuffer(file.read(count * row), source.dtype).reshape(count, *shape)

    file = tempfile.TemporaryFile(prefix="mirnet-")  # noqa: SIM115 - open as long as `again` lives
    weakref.finalize(again, file.close)
    try:
        while len(rows := source.read(ROWS)):
            see(rows)
            file.write(np.ascontiguousarray(rows).data)
    except OSError as error:
        file.close()
        raise ImageError(
            f"{source.name}: no room for a copy in {tempfile.gettempdir()}: {error.strerror}; make "
            "room there, or set TMPDIR"
        ) from error
    return replace(source, rows=again)
