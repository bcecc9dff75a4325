"""Logs for VisualDL, which shows only one file of a folder: so a resumed run appends to it.

VisualDL cannot delete records. Those of an earlier run beyond the current step are removed from the
file here.
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
    # its dependencies raise warnings, which the first import would show to the user
    warnings.simplefilter("ignore")
    from visualdl import LogWriter
    from visualdl.proto.record_pb2 import Record

NAME = "vdlrecords.log"
"""File name; VisualDL recognises its files by the first part."""


class VisualDL:
    """One file with the records of all starts of a run.

    Args:
        folder: folder of the file.
        step: records beyond this step are dropped, as is an incomplete last one.
    """

    def __init__(self, folder: Path, step: int) -> None:
        path = folder / NAME
        if path.exists():
            _cut(path, step)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints that the file exists
            self._writer = LogWriter(logdir=str(folder), file_name=NAME)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Add points to curves."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def pictures(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Add a picture, RGB."""
        self._writer.add_image(name.replace("%", "_"), image, step)  # names must not contain %
        self._writer.flush()

    def close(self) -> None:
        """Finish and close the file."""
        self._writer.close()


def _cut(path: Path, step: int) -> None:
    with replacing(path, f".{path.name}.part") as part, part.open("wb") as file:
        for record in _records(path):
            if all(value.id <= step for value in Record.FromString(record).values):
                file.write(struct.pack("<Q", len(record)) + record)


def _records(path: Path) -> Iterator[bytes]:
    """Messages, each preceded by its length; an incomplete last one is left out."""
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            (length,) = struct.unpack("<Q", head)
            record = file.read(length)
            if len(record) < length:
                return
            yield record
