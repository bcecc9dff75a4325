"""Records for TensorBoard. What an earlier run left beyond the present step, it hides itself."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from torch.utils.tensorboard import SummaryWriter


class TensorBoard:
    """An event file of its own for each start of a run; TensorBoard reads them as one.

    Args:
        folder: where the files lie.
        step: the run goes on after it.
    """

    def __init__(self, folder: Path, step: int) -> None:
        # the purge begins with the step it names
        self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Points of curves."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def pictures(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """A picture, RGB."""
        self._writer.add_image(name, image, step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
