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
"""Offsets of HDF5's signature: at the start, or after the header that MATLAB writes first."""


def read(path: Path, variable: str) -> Any | None:  # noqa: ANN401 - whatever MATLAB holds
    """Read one variable, an array with its axes in MATLAB's order; None if it does not exist.

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
    """Open a file of version 7.3 for reading, as `h5py.File`, with axes in reverse order.

    Any error inside the `with` is reported as damage of the file.

    Raises:
        DataError: if the file is of another kind, or damaged.
        RuntimeMissingError: if h5py is not installed.
    """
    with needs("evaluate", f"reading {path.name}"):
        import h5py
    with _readable(path, "7.3"), h5py.File(path, "r") as file:
        yield file


def array(file: Any, variable: str) -> Any | None:  # noqa: ANN401 - h5py has no types
    """An array in an open file, as `h5py.Dataset`, not yet read; None if there is none."""
    found = file.get(variable)
    return found if hasattr(found, "shape") else None  # groups have no shape


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
    except Exception as error:  # for a damaged file, both libraries raise errors of many types
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path} is not a MATLAB file of version {versions}, or is damaged ({reason}): "
            "copy it again"
        ) from error
