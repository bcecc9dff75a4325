"""What can be said of a model's file as it lies there: how many parameters, and its digest."""

import hashlib
import json
import math
from pathlib import Path

from mirnet.errors import WeightsError
from mirnet.weights import exported

LONGEST_HEADER = 100_000_000
"""Of safetensors, in bytes."""


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def parameters(path: Path) -> int | None:
    """How many learnt numbers a model file holds.

    Files of `exported.READERS` are not counted, since a shared number may stand there twice: what
    they say themselves is believed, and None if they say nothing.

    Raises:
        WeightsError: if it holds no weights of this network.
        ModuleNotFoundError: if it is a file that PyTorch reads, and PyTorch is missing.
        OSError: if it cannot be read.
    """
    if path.suffix.lower() in exported.READERS:
        count = exported.facts(path).get("parameters")
        return count if isinstance(count, int) else None
    with path.open("rb") as opened:
        start = opened.read(9)
    if start[8:] == b"{":  # the content decides, as for all that reads weights
        return _in_safetensors(path)
    from mirnet.weights import checkpoint

    return sum(tensor.numel() for tensor in checkpoint.read(path).tensors.values())


def _in_safetensors(path: Path) -> int:
    """Read off the header, so that no package is needed: a length, then JSON with all shapes."""
    with path.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        try:
            header = json.loads(opened.read(min(length, LONGEST_HEADER)))
        except ValueError as error:
            reason = f"is cut short or damaged ({error}): fetch it again"
            raise WeightsError(f"{path}: {reason}") from error
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name[:2] != "__")
