"""Logs for TensorBoard, which itself hides entries of an earlier run beyond the current step."""

import io
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import image as picture_summary
from torch.utils.tensorboard.summary import scalar as scalar_summary

VERSION = "brain.Event:2"
"""Version of the format, which opens each file."""


class TensorBoard:
    """A new event file for each start of a run; TensorBoard reads them as one.

    Each call writes its records whole or not at all. PyTorch's `SummaryWriter` writes in a thread,
    which prints a traceback of its own when the disk is full.

    Args:
        folder: folder of the files; created if needed.
        step: step after which the run continues.

    Raises:
        OSError: here and below, if the file cannot be written.
    """

    def __init__(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010}.{socket.gethostname()}.{os.getpid()}.0"
        self._path = folder / name
        # the purge includes the step it names
        purge = Event(session_log=SessionLog(status=SessionLog.START), step=step + 1)
        self._append(Event(file_version=VERSION), purge)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Add points to curves."""
        self._append(
            *(
                Event(summary=scalar_summary(name, value), step=step)
                for name, value in values.items()
            )
        )

    def pictures(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Add a picture, RGB."""
        summary = picture_summary(name, image, dataformats="HWC")
        self._append(Event(summary=summary, step=step))

    def close(self) -> None:
        """Nothing is left to write."""

    def _append(self, *events: Event) -> None:
        content = io.BytesIO()
        writer = RecordWriter(content)
        for event in events:
            event.wall_time = time.time()
            writer.write(event.SerializeToString())
        with self._path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                left = content.getbuffer()
                while left:
                    left = left[file.write(left) :]
            except OSError:
                if before:
                    file.truncate(before)
                else:
                    self._path.unlink()
                raise
