"""The state of a run on disk: saved atomically, loaded without running code from the file."""

import re
import tempfile
from pathlib import Path
from typing import Any

import torch

from mirnet.errors import WeightsError
from mirnet.models.content import TRAINING_FORMAT as FORMAT
from mirnet.models.pdparams import refusal
from mirnet.system.files import replacing


def claim(folder: Path) -> None:
    """Create the folder of a run, and check that it is writable before the run starts.

    Raises:
        WeightsError: if it does not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise WeightsError(
            f"{folder} cannot be written to ({_reason(error)}): choose another output folder"
        ) from error


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
            f"{path} is not a whole training checkpoint ({_reason(error)}): remove it, or choose "
            "another output folder"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise WeightsError(f"{path} is not a training checkpoint ({FORMAT})")
    return state


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0].partition(". ")[0] or type(error).__name__
