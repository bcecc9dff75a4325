"""A submission to DND's sRGB benchmark: one file per picture.

The layout follows the authors' own code (bundle_submission_srgb.m and bundle_submissions.py of TU
Darmstadt): `Idenoised`, a cell array of 1 x 20 boxes in single precision, `israw`, which is false,
and `eval_version`, the text 1.0. Like their Python code, this writes version 5 of MATLAB's format.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np

from mirnet.errors import DataError
from mirnet.evaluation.submission.dnd_images import DndImages
from mirnet.evaluation.submission.work import Observe, Work, refuse_overwriting
from mirnet.extras import needs
from mirnet.restoration.restorer import Restorer
from mirnet.system.files import replacing

DEFAULT = Path("dnd_submission")


class DndSubmission:
    """DND's boxes, and the folder of files made from them; memory holds those of one file.

    Args:
        folder: folder with `info.mat` and `images_srgb/`.
        output: a folder, created if needed; `dnd_submission` by default.

    Raises:
        DataError: as `DndImages`, and if the output is a file, or where the noisy pictures are.
        RuntimeMissingError: if SciPy or h5py is not installed.
    """

    def __init__(self, folder: Path, output: Path | None = None) -> None:
        self._folder = output or DEFAULT
        if self._folder.exists() and not self._folder.is_dir():
            raise DataError(f"{self._folder} is a file: DND's submission is a folder")
        with needs("evaluate", "writing MATLAB's files"):
            import scipy.io  # noqa: F401 - better missed now than after the work
        self._images = DndImages(folder)
        self.files: Sequence[Path] = [self._folder / path.name for path in self._images.paths]
        refuse_overwriting(self._images.paths, self.files)
        self.blocks = sum(self._images.count(index) for index in range(len(self._images)))

    def write(self, restorer: Restorer, observe: Observe = lambda: None) -> Work:
        """Restore all boxes and write the files. They are renamed at the end, together.

        So the folder never mixes files of two models, nor looks complete before it is.

        Raises:
            InferenceError: if the runtime fails.
            DataError: if a picture turns out to be damaged.
            OSError: if folder or disk do not take the files.
        """
        work = Work()
        with _made(self._folder), ExitStack() as stack:
            for index, path in enumerate(self.files):
                cells = np.empty((1, self._images.count(index)), object)
                for number, noisy in enumerate(self._images.boxes(index)):
                    cells[0, number] = work.restore(restorer, noisy)
                    observe()
                _write(stack.enter_context(replacing(path)), cells)
        return work


def _write(path: Path, cells: np.ndarray) -> None:
    from scipy.io import savemat

    with path.open("wb") as file:
        savemat(file, {"Idenoised": cells, "israw": False, "eval_version": "1.0"})
        file.flush()
        os.fsync(file.fileno())  # now, so that renaming all files takes only a moment


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Create a folder, and remove it after an error if it did not exist before."""
    there = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if not there:
            with suppress(OSError):  # it is no longer empty
                folder.rmdir()
        raise
