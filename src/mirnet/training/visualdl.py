"""Records for VisualDL, which shows one file of a folder: so a run that goes on appends to it.

VisualDL offers no way to take records back. What an earlier run left beyond the present step is
cut out of the file here.
"""

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mirnet.system.files import replacing

with warnings.catch_warnings():
    # modules that it brings along are not clean, and the first import says so to the user
    warnings.simplefilter("ignore")
    from visualdl import LogWriter
    from visualdl.proto.record_pb2 import Record

NAME = "vdlrecords.log"
"""VisualDL knows its files by the first part."""


class VisualDL:
    """One file of records, whichever start of the run they are from.

    Args:
        folder: where the file lies.
        step: records beyond it are dropped, as is a half-written last one.
    """

    def __init__(self, folder: Path, step: int) -> None:
        path = folder / NAME
        if path.exists():
            _cut(path, step)
        with contextlib.redirect_stdout(io.StringIO()):  # it says there that the file exists
            self._writer = LogWriter(logdir=str(folder), file_name=NAME)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Points of curves."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def pictures(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """A picture, RGB."""
        self._writer.add_image(name.replace("%", "_"), image, step)  # it takes no % in names
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def _cut(path: Path, step: int) -> None:
    with replacing(path, f".{path.name}.part") as part, part.open("wb") as file:
        for record in _records(path):
            if all(value.id <= step for value in Record.FromString(record).values):
                file.write(struct.pack("<Q", len(record)) + record)


def _records(path: Path) -> Iterator[bytes]:
    """Messages, each with its length before it; a half-written last one is left out."""
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            (length,) = struct.unpack("<Q", head)
            record = file.read(length)
            if len(record) < length:
                return
            yield record
