"""SIDD's validation blocks, as published by the data set's authors: two MATLAB files."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mirnet.errors import DataError
from mirnet.evaluation import matlab
from mirnet.shapes import Pixels

VARIABLES = ("ValidationNoisyBlocksSrgb", "ValidationGtBlocksSrgb")
"""Noisy and clean: name of the only variable in each file, and of the file without .mat."""

Blocks = UInt8[np.ndarray, "scenes blocks h w 3"]


def is_there(folder: Path) -> bool:
    """Whether a folder contains at least one of the two files."""
    return any((folder / f"{variable}.mat").is_file() for variable in VARIABLES)


class SiddBlocks:
    """Pairs from a folder with both files: all blocks of the first scene, then of the second, ...

    SIDD has 40 scenes of 32 blocks of 256x256. Pairs are named as in the literature: `0001_01` is
    the first block of the first scene. Both arrays are read at once and stay in memory: 2 x 252 MB.

    Args:
        folder: folder with the two files.

    Raises:
        DataError: if a file is missing, damaged, or holds something else.
        RuntimeMissingError: if SciPy, which reads MATLAB's files, is not installed.
    """

    def __init__(self, folder: Path) -> None:
        hint = "SIDD's validation blocks are two files, noisy and clean"
        self._noisy, self._clean = (
            read(folder / f"{variable}.mat", variable, hint) for variable in VARIABLES
        )
        if self._noisy.shape != self._clean.shape:
            raise DataError(
                f"{folder}: the two .mat files have different shapes, {self._noisy.shape} and "
                f"{self._clean.shape}: take both from one data set"
            )

    def __len__(self) -> int:
        scenes: int
        blocks: int
        scenes, blocks = self._noisy.shape[:2]
        return scenes * blocks

    def name(self, index: int) -> str:
        """Scene and block, both counted from 1."""
        scene, block = self._place(index)
        return f"{scene + 1:04d}_{block + 1:02d}"

    def whole(self, index: int) -> tuple[Pixels, Pixels]:
        """Noisy and clean, h w 3, uint8; owned by the caller."""
        # MATLAB's axes are in reverse order, so a block is not contiguous in memory
        noisy, clean = (
            np.array(half[self._place(index)], order="C") for half in (self._noisy, self._clean)
        )
        return noisy, clean

    def _place(self, index: int) -> tuple[int, int]:
        blocks: int = self._noisy.shape[1]
        return divmod(range(len(self))[index], blocks)


def read(path: Path, variable: str, hint: str) -> Blocks:
    """Read all blocks of one of SIDD's files.

    Args:
        path: path of the file.
        variable: name of the array in it.
        hint: what the message suggests if the file does not exist.

    Raises:
        DataError: if the file is missing, damaged, or holds something else.
        RuntimeMissingError: if the package that reads it is not installed.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing: {hint}")
    blocks = matlab.read(path, variable)
    if blocks is None:
        raise DataError(f"{path} holds no {variable}: use SIDD's original file")
    if blocks.dtype != np.uint8 or blocks.ndim != 5 or blocks.shape[4] != 3 or 0 in blocks.shape:
        raise DataError(
            f"{path} holds {blocks.dtype} {blocks.shape}: expected scenes, blocks, height, width, "
            "3 of uint8"
        )
    return np.asarray(blocks)
