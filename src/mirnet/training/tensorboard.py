"""Logs for TensorBoard, which itself hides entries of an earlier run beyond the current step."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from torch.utils.tensorboard import SummaryWriter


class TensorBoard:
    """A new event file for each start of a run; TensorBoard reads them as one.

    Args:
        folder: folder of the files.
        step: step after which the run continues.
    """

    def __init__(self, folder: Path, step: int) -> None:
        # the purge includes the step it names
        self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Add points to curves."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def pictures(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Add a picture, RGB."""
        self._writer.add_image(name, image, step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """Finish and close the file."""
        self._writer.close()
