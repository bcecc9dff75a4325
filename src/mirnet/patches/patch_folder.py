"""A folder of patches in the making: noisy ones in `input/`, clean ones in `groundtruth/`.

Both halves of a pair have one name. A file that is there is whole, and nothing is deleted or
written over, so a run goes on where an earlier one stopped. `patches.json` records what was asked
for, so that patches made otherwise do not get among them.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyvips

from mirnet.errors import DataError
from mirnet.shapes import Pixels
from mirnet.system.files import replacing

NOISY, CLEAN = "input", "groundtruth"
"""The folders that hold the two halves."""

RECORD = "patches.json"

# Time and size of a noisy and a clean patch of 256, from 24 photographs with camera noise: without
# compression 1.3 ms and 395 KB; level 1 3.5 ms and 275 KB, since it gives up on noise; level 2
# 5.0 ms and 198 KB; level 6 8.1 ms and 192 KB, with all filters 11.7 ms and 184 KB.
COMPRESSION = {"compression": 2, "filter": "up"}

STORED = {1: 0.55, 2: 0.65}
"""Bytes of a file for one of pixels, noisy and clean together, by the bytes of a value. The patches
above took 0.50 and 0.59; the rest is for noisier cameras and the blocks of a disk."""

Asked = Mapping[str, int | str]
"""Everything that patches depend on besides the pictures."""


def finished(folder: Path) -> set[str]:
    """Names, without suffix, of the patches of which both halves are there."""
    noisy, clean = (_names(folder / half) for half in (NOISY, CLEAN))
    return noisy & clean


def refuse(folder: Path, source: Path, asked: Asked, names: Iterable[str]) -> None:
    """Nothing, where patches of these names can go into the folder.

    Raises:
        DataError: if the folder lies in the source, holds patches that were asked for otherwise, or
            holds files of these names without a record of how they were made.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file: give a folder for the patches")
    if folder.resolve().is_relative_to(source.resolve()):
        raise DataError(f"{folder} lies in {source}, among the pictures: choose another folder")
    record = folder / RECORD
    if record.exists():
        earlier = _recorded(record)
        if earlier != asked:
            raise DataError(
                f"{folder} holds patches made with {_shown(earlier, asked)}, and "
                f"{_shown(asked, earlier)} was given: give the same, or choose another folder"
            )
        return
    taken = sorted((_names(folder / NOISY) | _names(folder / CLEAN)).intersection(names))
    if taken:
        raise DataError(
            f"{folder} holds {taken[0]}.png already, and no {RECORD} tells how it was made: choose "
            "another folder"
        )


def start(folder: Path, asked: Asked) -> None:
    """Make the folders, and record what is asked for before the first patch is there.

    Raises:
        OSError: if folder or disk do not take them.
    """
    for half in (NOISY, CLEAN):
        (folder / half).mkdir(parents=True, exist_ok=True)
    record = folder / RECORD
    if not record.exists():
        with replacing(record, f".{RECORD}.part") as part:
            part.write_text(json.dumps(dict(asked), indent=2) + "\n", encoding="utf-8")


def write(folder: Path, name: str, noisy: Pixels, clean: Pixels) -> None:
    """Write the halves of a pair that are not there yet, each whole or not at all.

    Args:
        folder: as `start` has made it.
        name: without suffix.
        noisy: 8 or 16 bit, as the file will be.
        clean: of the same size.

    Raises:
        OSError: if folder or disk do not take them.
    """
    for half, pixels in ((NOISY, noisy), (CLEAN, clean)):
        path = folder / half / f"{name}.png"
        if not path.exists():
            # always of one name: what a killed run left is used again, and so does not stay
            with replacing(path, f".{path.name}.part") as part:
                part.write_bytes(_png(pixels))


def stored_bytes(values: int, dtype: np.dtype[np.generic]) -> int:
    """What patches of so many values (pixels times channels) take on the disk, about."""
    return round(values * dtype.itemsize * STORED.get(dtype.itemsize, 1))


def _png(pixels: Pixels) -> bytes:
    """Into memory first: a full disk is then an `OSError` that says so."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    data: bytes = image.pngsave_buffer(**COMPRESSION)
    return data


def _names(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("[!.]*.png")}


def _recorded(path: Path) -> Asked:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise DataError(f"{path} is no record of patches: choose another folder")
    return record


def _shown(values: Asked, other: Asked) -> str:
    """Those that the other has not."""
    differing = [f"{key} {value}" for key, value in values.items() if other.get(key) != value]
    return ", ".join(differing) or "nothing more"
