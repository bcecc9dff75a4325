"""A submission to SIDD's sRGB benchmark: all blocks in one file.

`SubmitSrgb.csv` is what the benchmark takes today, on Kaggle. Its layout follows the example of the
data set's author (AbdoKamel/sidd_kaggle_submit, prepare_submission_srgb.py): the columns ID and
BLOCK; blocks are numbered from 0, all of the first scene, then of the second, ...; a block is the
base64 of its bytes, uint8, row by row, with interleaved channels.

`SubmitSrgb.mat` is what the benchmark's own server took, which is reported to be closed. Its layout
follows the author's MATLAB code (SIDD_Denoise.m, DenoiseSrgb.m, Demo_SIDD.m of version 1.1): a cell
array, scenes x blocks, called DenoisedBlocksSrgb; TimeMPSrgb, seconds per 2^20 pixels; and the
struct OptionalData. That code stores single precision; 8 bits follow happycaoyue/PT-MWRN.
"""

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import DataError
from mirnet.evaluation import sidd_blocks
from mirnet.evaluation.submission.work import Observe, Work, refuse_overwriting
from mirnet.extras import needs
from mirnet.pictures import pixels
from mirnet.restoration.restorer import Restorer
from mirnet.shapes import Pixels
from mirnet.system.files import replacing

VARIABLE = "BenchmarkNoisyBlocksSrgb"
"""Name of the only variable of the file, and of the file without .mat."""
DEFAULT = Path("SubmitSrgb.csv")
SUFFIXES = (".csv", ".mat")

MEGAPIXEL = 1024 * 1024
"""As in the author's MATLAB code."""

OPTIONAL = {"MethodName": "mirnet", "Authors": "", "PaperTitle": "", "Venue": ""}
"""Fields of the author's example that describe a method; only the user can fill in the rest."""


class SiddSubmission:
    """The benchmark's blocks, 40 scenes of 32 blocks of 256x256, and the file made from them.

    The noisy blocks are read at once and stay in memory, 252 MB. So do the restored ones for a .mat
    file; for a .csv file, memory holds one block.

    Args:
        folder: folder with `BenchmarkNoisyBlocksSrgb.mat`.
        output: a .csv or .mat file; `SubmitSrgb.csv` by default.

    Raises:
        DataError: if the file is missing, damaged, or holds something else, or the output has
            another ending or cannot be written there.
        RuntimeMissingError: if SciPy, or h5py for a file of version 7.3, is not installed.
    """

    def __init__(self, folder: Path, output: Path | None = None) -> None:
        self._path = output or DEFAULT
        if self._path.suffix.lower() not in SUFFIXES:
            raise DataError(
                f"{self._path} is neither .csv nor .mat: SIDD's benchmark takes {DEFAULT}"
            )
        if self._path.is_dir():
            raise DataError(f"{self._path} is a folder: give the name of a file")
        source = folder / f"{VARIABLE}.mat"
        self.files: Sequence[Path] = [self._path]
        refuse_overwriting([source], self.files)
        if self._is_matlab:
            with needs("evaluate", f"writing {self._path.name}"):
                import scipy.io  # noqa: F401 - better missed now than after the work
        hint = "DATA is the folder that holds SIDD's benchmark, this one file"
        self._noisy = sidd_blocks.read(source, VARIABLE, hint)
        self.blocks = int(np.prod(self._noisy.shape[:2]))

    def write(self, restorer: Restorer, observe: Observe = lambda: None) -> Work:
        """Restore all blocks and write the file, complete or not at all.

        Raises:
            InferenceError: if the runtime fails.
            OSError: if folder or disk do not take the file.
        """
        work = Work()
        with replacing(self._path) as part:
            restored = self._restored(restorer, work, observe)
            if self._is_matlab:
                _write_mat(part, self._cells(restored), work)
            else:
                _write_csv(part, restored)
        return work

    @property
    def _is_matlab(self) -> bool:
        return self._path.suffix.lower() == ".mat"

    def _restored(self, restorer: Restorer, work: Work, observe: Observe) -> Iterator[Pixels]:
        """Restored blocks, uint8, h w 3, scene by scene."""
        for scene in self._noisy:
            for block in scene:
                # MATLAB's axes are in reverse order, so a block is not contiguous in memory
                noisy = pixels.to_float(np.ascontiguousarray(block))
                yield pixels.from_float(work.restore(restorer, noisy), np.uint8)
                observe()

    def _cells(self, restored: Iterator[Pixels]) -> np.ndarray:
        """An array of arrays, scenes blocks, which SciPy writes as a cell array."""
        cells = np.empty(self._noisy.shape[:2], object)
        for place, block in zip(np.ndindex(cells.shape), restored, strict=True):
            cells[place] = block
        return cells


def _write_csv(path: Path, blocks: Iterator[Pixels]) -> None:
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write("ID,BLOCK\n")
        for index, block in enumerate(blocks):
            file.write(f"{index},{base64.b64encode(block.tobytes()).decode()}\n")


def _write_mat(path: Path, cells: np.ndarray, work: Work) -> None:
    from scipy.io import savemat

    content: dict[str, Any] = {
        "DenoisedBlocksSrgb": cells,
        "TimeMPSrgb": work.seconds_per_megapixel(MEGAPIXEL),
        "OptionalData": OPTIONAL,
    }
    with path.open("wb") as file:
        savemat(file, content)
