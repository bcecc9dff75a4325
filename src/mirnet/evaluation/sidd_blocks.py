"""SIDD's validation blocks, as the data set's authors give them out: two MATLAB files."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mirnet.errors import DataError
from mirnet.evaluation import matlab
from mirnet.shapes import Pixels

VARIABLES = ("ValidationNoisyBlocksSrgb", "ValidationGtBlocksSrgb")
"""Noisy and clean: the name of the one variable in each file, and of the file, with .mat."""

Blocks = UInt8[np.ndarray, "scenes blocks h w 3"]


def is_there(folder: Path) -> bool:
    """Whether a folder holds one of the two files at least."""
    return any((folder / f"{variable}.mat").is_file() for variable in VARIABLES)


class SiddBlocks:
    """Pairs of a folder with both files: all blocks of the first scene, then of the second, ...

    SIDD has 40 scenes of 32 blocks of 256x256. A pair is called as the field does, `0001_01` for
    the first block of the first scene. Both arrays are read at once and stay in memory: 2 x 252 MB.

    Args:
        folder: which holds the two files.

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
                f"{folder}: the two .mat files are of different shapes, {self._noisy.shape} and "
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
        """Noisy and clean, h w 3, uint8; the caller's own."""
        # MATLAB's order of axes is the other way round, so a block lies scattered in memory
        noisy, clean = (
            np.array(half[self._place(index)], order="C") for half in (self._noisy, self._clean)
        )
        return noisy, clean

    def _place(self, index: int) -> tuple[int, int]:
        blocks: int = self._noisy.shape[1]
        return divmod(range(len(self))[index], blocks)


def read(path: Path, variable: str, hint: str) -> Blocks:
    """All blocks of one of SIDD's files.

    Args:
        path: of the file.
        variable: what the array is called in it.
        hint: what to say if there is no such file.

    Raises:
        DataError: if the file is missing, damaged, or holds something else.
        RuntimeMissingError: if the package that reads it is not installed.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing: {hint}")
    blocks = matlab.read(path, variable)
    if blocks is None:
        raise DataError(f"{path} holds no {variable}: take SIDD's file as it is")
    if blocks.dtype != np.uint8 or blocks.ndim != 5 or blocks.shape[4] != 3 or 0 in blocks.shape:
        raise DataError(
            f"{path} holds {blocks.dtype} {blocks.shape}: expected scenes, blocks, height, width, "
            "3 of uint8"
        )
    return np.asarray(blocks)
