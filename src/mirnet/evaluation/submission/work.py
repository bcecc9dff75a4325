"""Code shared by submissions to benchmarks without public truth."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mirnet.errors import DataError
from mirnet.restoration.restorer import Restorer, Tally
from mirnet.shapes import Image

Observe = Callable[[], None]
"""Called after each block."""


@dataclass
class Work:
    """Counts the restored pixels, and the time of restoration alone."""

    blocks: int = 0
    pixels: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)

    def restore(self, restorer: Restorer, noisy: Image) -> Image:
        """Restore one block, h w 3, in 0..1; the result has the same format.

        Raises:
            InferenceError: if the runtime fails.
        """
        started = time.perf_counter()
        restored = restorer.restore(noisy)
        image = restored.image()
        self.seconds += time.perf_counter() - started
        self.tally.add(restored.tally)
        self.blocks += 1
        self.pixels += image.shape[0] * image.shape[1]
        return image

    def seconds_per_megapixel(self, megapixel: int = 1_000_000) -> float:
        """Mean over all blocks, of which there must be at least one."""
        return self.seconds * megapixel / self.pixels


class Submission(Protocol):
    """Verified noisy blocks, and the files made from their restored versions."""

    blocks: int
    """Number of blocks."""
    files: Sequence[Path]

    def write(self, restorer: Restorer, observe: Observe) -> Work:
        """Restore all blocks and write the files: all of them, or none.

        Raises:
            InferenceError: if the runtime fails.
            DataError: if a file turns out to be damaged.
            OSError: if folder or disk do not take the files.
        """
        ...


def refuse_overwriting(sources: Sequence[Path], files: Sequence[Path]) -> None:
    """Prevent overwriting any file of the data set.

    Raises:
        DataError: if one of the files is a source.
    """
    originals = {source.resolve() for source in sources}
    for file in files:
        if file.resolve() in originals:
            raise DataError(f"{file} is part of the data set: write the submission elsewhere")
