"""The output folder of patches: noisy ones in `input/`, clean ones in `groundtruth/`.

Both halves of a pair have the same name. Existing files are complete, and never deleted or
overwritten, so a run resumes where an earlier one stopped. `patches.json` records the options, so
that patches made with other options are not mixed in.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from mirnet.errors import DataError
from mirnet.pictures import codec
from mirnet.shapes import Pixels
from mirnet.system.files import remove_stale, replacing

NOISY, CLEAN = "input", "groundtruth"
"""Folders of the two halves."""

RECORD = "patches.json"

STORED = {1: 0.55, 2: 0.65}
"""Ratio of file bytes to pixel bytes, noisy and clean together, by the bytes of a value. The
patches measured for `codec.encode` took 0.50 and 0.59; the rest is for noisier cameras and disk
blocks."""

Asked = Mapping[str, int | str]
"""Everything that patches depend on besides the pictures."""


def finished(folder: Path) -> set[str]:
    """Names, without suffix, of the patches for which both halves exist."""
    noisy, clean = (_names(folder / half) for half in (NOISY, CLEAN))
    return noisy & clean


def refuse(folder: Path, source: Path, asked: Asked, names: Iterable[str]) -> None:
    """Check that patches of these names can be written to the folder.

    Raises:
        DataError: if the folder lies in the source, holds patches that were asked for otherwise, or
            holds files of these names without a record of how they were made.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file: give a folder for the patches")
    if folder.resolve().is_relative_to(source.resolve()):
        raise DataError(f"{folder} lies in {source}, among the pictures: choose another folder")
    if (folder / RECORD).exists():
        _refuse_others(folder, asked)
        return
    taken = sorted((_names(folder / NOISY) | _names(folder / CLEAN)).intersection(names))
    if taken:
        raise DataError(
            f"{folder} holds {taken[0]}.png already, and no {RECORD} says how it was made: choose "
            "another folder"
        )


def start(folder: Path, asked: Asked) -> None:
    """Create the folders, and record the options before the first patch is written.

    Several processes may do so at the same time.

    Raises:
        DataError: if another process has recorded other options meanwhile.
        OSError: if folder or disk do not take them.
    """
    for half in (NOISY, CLEAN):
        (folder / half).mkdir(parents=True, exist_ok=True)
    record = folder / RECORD
    if not record.exists():
        remove_stale(folder)
        with replacing(record) as part:
            part.write_text(json.dumps(dict(asked), indent=2) + "\n", encoding="utf-8")
    _refuse_others(folder, asked)


def write(folder: Path, name: str, noisy: Pixels, clean: Pixels) -> None:
    """Write the halves of a pair that do not exist yet, each complete or not at all.

    Args:
        folder: prepared by `start`.
        name: without suffix.
        noisy: 8 or 16 bit, like the file.
        clean: of the same size.

    Raises:
        OSError: if folder or disk do not take them.
    """
    for half, pixels in ((NOISY, noisy), (CLEAN, clean)):
        path = folder / half / f"{name}.png"
        if not path.exists():
            # always the same name: a file left by a killed run is reused, and so does not remain
            with replacing(path, f".{path.name}.part") as part:
                # encoded in memory first: a full disk then gives a clear `OSError`
                part.write_bytes(codec.encode(pixels, "png", is_fast=True))


def stored_bytes(values: int, dtype: np.dtype[np.generic]) -> int:
    """Approximate bytes on disk of patches with this many values (pixels times channels)."""
    return round(values * dtype.itemsize * STORED.get(dtype.itemsize, 1))


def _names(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("[!.]*.png")}


def _refuse_others(folder: Path, asked: Asked) -> None:
    """Check that the record tells of the same options."""
    earlier = _recorded(folder / RECORD)
    if earlier != asked:
        raise DataError(
            f"{folder} holds patches made with {_shown(earlier, asked)}, and "
            f"{_shown(asked, earlier)} was given: give the same, or choose another folder"
        )


def _recorded(path: Path) -> Asked:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise DataError(f"{path} is not a record of patches: choose another folder")
    return record


def _shown(values: Asked, other: Asked) -> str:
    """The values that differ from the other's, as text."""
    differing = [f"{key} {value}" for key, value in values.items() if other.get(key) != value]
    return ", ".join(differing) or "nothing more"
