"""Restored pictures as PNG files, named after their pairs."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import DataError
from mirnet.pictures import codec, pixels
from mirnet.shapes import Image


class RestoredImages:
    """A folder for the restored pictures.

    Several data sets get one subfolder each, and several methods one subfolder each within those.
    Existing files of the same name are replaced. Metadata and colour profiles are not written.

    Args:
        folder: created if needed.
        data: the folders of the data sets.
        methods: the names of the methods.

    Raises:
        DataError: if the pictures would lie among the data, or data sets would share a folder.
        OSError: if a folder cannot be made.
    """

    def __init__(self, folder: Path, data: Sequence[Path], methods: Sequence[str]) -> None:
        for source in data:
            if folder.resolve().is_relative_to(source.resolve()):
                raise DataError(f"{folder} lies in {source}, which is measured: save elsewhere")
        self._folders = {
            source: folder / source.resolve().name if len(data) > 1 else folder for source in data
        }
        if len(set(self._folders.values())) < len(data):
            names = ", ".join(map(str, data))
            raise DataError(
                f"pictures of {names} would share a folder, since the last parts of these names "
                "are alike: evaluate them one at a time"
            )
        alone = len(methods) == 1
        # a method's name may be a path, or contain a colon
        self._parts = {name: "" if alone else re.sub(r"[^\w.-]", "_", name) for name in methods}
        if len(set(self._parts.values())) < len(methods):
            raise DataError(f"pictures of {', '.join(methods)} would share a folder: rename a file")
        for target in self._folders.values():
            for part in self._parts.values():
                (target / part).mkdir(parents=True, exist_ok=True)

    def save(
        self, source: Path, method: str, name: str, restored: Image, dtype: np.dtype[Any]
    ) -> Path:
        """Write one picture, complete or not at all, and return its path.

        Args:
            source: the folder of its data set.
            method: name of the method that restored it.
            name: name of the pair.
            restored: h w 3, in 0..1.
            dtype: stored dtype, uint8 or uint16.

        Raises:
            DataError: if the name is that of no file.
            ImageError: if folder or disk do not take the file.
        """
        if name != Path(name).name:
            raise DataError(f"{name!r} cannot be the name of a picture")
        path = self._folders[source] / self._parts[method] / f"{name}.png"
        rows = pixels.from_float(restored, dtype)
        codec.write(path, [rows], codec.open(rows))
        return path
