"""The state of a run on disk: saved atomically, loaded without running code from the file."""

import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from mirnet.errors import WeightsError
from mirnet.models.content import TRAINING_FORMAT as FORMAT
from mirnet.models.pdparams import refusal
from mirnet.system import locks
from mirnet.system.files import replacing

LOCK = ".run.lock"
"""File in the folder of a run whose lock its first process holds."""


def claim(folder: Path) -> None:
    """Create the folder of a run, and check that it is writable before the run starts.

    Raises:
        WeightsError: if it cannot be created or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep other runs out of the folder, which exists; for the first process of a run.

    Raises:
        WeightsError: if another run is in it.
    """
    with ExitStack() as stack:
        try:
            note = f"process {os.getpid()} on {socket.gethostname()}"
            stack.enter_context(locks.holding(folder / LOCK, note))
        except locks.HeldError as error:
            raise WeightsError(
                f"{folder} is in use by another training ({error.note or 'just started'}): wait "
                "for its end, or choose another output folder"
            ) from error
        except OSError as error:
            raise _unwritable(folder, error) from error
        yield


def _unwritable(folder: Path, error: OSError) -> WeightsError:
    return WeightsError(
        f"{folder} cannot be written to ({_reason(error)}): choose another output folder"
    )


def save(state: dict[str, Any], path: Path) -> None:
    """Write `state` so that `path` always holds a complete checkpoint, the old one or the new.

    Raises:
        WeightsError: if folder or disk do not take it; the old checkpoint is still there.
    """
    # always the same name: the next save overwrites what a killed run left behind
    try:
        with replacing(path, f".{path.name}.part") as part, part.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
    except (OSError, RuntimeError) as error:  # torch raises the latter when the disk is full
        raise WeightsError(
            f"{path}: the checkpoint cannot be written ({_reason(error)}): check folder and space"
        ) from error


def load(path: Path) -> dict[str, Any]:
    """Tensors and plain values of a checkpoint, on the CPU.

    Raises:
        WeightsError: if the file is not a checkpoint of ours, is damaged, or holds code.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen types for a damaged file
        if wanted := re.search(r"GLOBAL (\S+)", str(error)):
            raise WeightsError(f"{path}: {refusal(wanted[1])}") from error
        raise WeightsError(
            f"{path} is not a complete training checkpoint ({_reason(error)}): remove it, or "
            "choose another output folder"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise WeightsError(f"{path} is not a training checkpoint ({FORMAT})")
    return state


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0].partition(". ")[0] or type(error).__name__
