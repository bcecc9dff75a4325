"""Pixels on disk, shared by the processes of the server: arrays that are mapped into memory."""

import contextlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mirnet.serve.problems import Problem

ORIGINAL, REMOVED, RESTORED = "original.npy", "removed.npy", "restored.npy"
"""Names in a job's folder: the picture as decoded, what the network removes, its result. All have
the size of the result: of a model that enlarges, the original is what a bicubic filter makes of the
picture."""

SMALL = "small.npy"
"""The picture as decoded, where a model enlarges it; elsewhere that is the original."""

ALPHA = "alpha.npy"
"""Opacity in 8 bits, h w 1, of pictures that have it."""

PROFILE, THUMBNAIL = "profile.icc", "thumbnail.jpg"
"""The picture's own colour profile, if it has one; and a small version of it."""


def create(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.memmap:
    """A file of this array, all of its space reserved; one that is there already is opened.

    Raises:
        Problem: if the disk is full. Without the reservation, writing would kill the process.
    """
    if path.exists():
        return np.lib.format.open_memmap(path, mode="r+")
    part = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        np.lib.format.open_memmap(part, mode="w+", shape=shape, dtype=np.dtype(dtype))
        with part.open("r+b") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, part.stat().st_size)
        with contextlib.suppress(FileExistsError):  # another task was quicker: both use its file
            os.link(part, path)
    except OSError as error:
        raise Problem("no_space", "the server's disk is full: try again later") from error
    finally:
        part.unlink(missing_ok=True)
    return np.lib.format.open_memmap(path, mode="r+")


def given(folder: Path) -> np.memmap:
    """The picture as the network takes it, of a job's folder."""
    small = folder / SMALL
    return read(small if small.exists() else folder / ORIGINAL)


def read(path: Path) -> np.memmap:
    """A file of `create`, to read.

    Raises:
        OSError: if there is none.
    """
    return np.lib.format.open_memmap(path, mode="r")
