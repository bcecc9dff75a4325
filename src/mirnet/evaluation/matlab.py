"""MATLAB's files: SciPy reads versions 5 to 7, h5py reads 7.3, which is HDF5."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import DataError, MirnetError
from mirnet.extras import needs

SIGNATURE = b"\x89HDF\r\n\x1a\n"
PLACES = (0, 512)
"""Where HDF5's signature stands: at the beginning, or after the header that MATLAB puts there."""


def read(path: Path, variable: str) -> Any | None:  # noqa: ANN401 - whatever MATLAB holds
    """One variable, an array with its axes as MATLAB counts them; None if it is not there.

    Raises:
        DataError: if the file is of another kind, or damaged.
        RuntimeMissingError: if the package that reads this version is not installed.
        OSError: if the file cannot be opened.
    """
    if _is_hdf5(path):
        with hdf5(path) as file:
            found = array(file, variable)
            return None if found is None else np.asarray(found).T
    with needs("evaluate", f"reading {path.name}"):
        from scipy.io import loadmat
    with _readable(path, "5 to 7"):
        return loadmat(path, variable_names=[variable]).get(variable)


@contextmanager
def hdf5(path: Path) -> Iterator[Any]:
    """A file of version 7.3, open for reading, as `h5py.File`: axes come the other way round.

    Whatever goes wrong inside is taken for damage of the file.

    Raises:
        DataError: if the file is of another kind, or damaged.
        RuntimeMissingError: if h5py is not installed.
    """
    with needs("evaluate", f"reading {path.name}"):
        import h5py
    with _readable(path, "7.3"), h5py.File(path, "r") as file:
        yield file


def array(file: Any, variable: str) -> Any | None:  # noqa: ANN401 - h5py has no types
    """An array in an open file, as `h5py.Dataset`, not read yet; None if there is none."""
    found = file.get(variable)
    return found if hasattr(found, "shape") else None  # a group has none


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        for place in PLACES:
            file.seek(place)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return True
    return False


@contextmanager
def _readable(path: Path, versions: str) -> Iterator[None]:
    try:
        yield
    except MirnetError:
        raise
    except Exception as error:  # of a damaged file, both raise whatever their parsers run into
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path} is no MATLAB file of version {versions}, or damaged ({reason}): copy it again"
        ) from error
