"""DND's noisy sRGB pictures, as published by the data set's authors, and the boxes cut from them.

Both are read as in the authors' own code (denoise_srgb.m and dnd_denoise.py of TU Darmstadt): files
have MATLAB's format 7.3, which is HDF5, with axes in reverse order; `info` is an array of structs,
one per picture; a box is top, left, bottom, right, counted from 1, inclusive.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from mirnet.errors import DataError
from mirnet.evaluation import matlab
from mirnet.shapes import Image

INFO = "info.mat"
BOXES = "info/boundingboxes"
PICTURE = "InoisySRGB"

Boxes = Float64[np.ndarray, "n 4"]


class DndImages:
    """DND has 50 pictures with 20 boxes of 512x512 each; memory holds one box.

    Args:
        folder: folder with `info.mat` and `images_srgb/0001.mat`, `0002.mat`, ...

    Raises:
        DataError: if a file is missing, damaged, or holds something else, or a box lies beyond its
            picture. Pixels are not read yet.
        RuntimeMissingError: if h5py is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._info = folder / INFO
        self._boxes = self._read_boxes()
        self.paths = [
            folder / "images_srgb" / f"{number:04d}.mat"
            for number in range(1, len(self._boxes) + 1)
        ]
        for path, boxes in zip(self.paths, self._boxes, strict=True):
            self._check(path, boxes)

    def __len__(self) -> int:
        return len(self._boxes)

    def count(self, index: int) -> int:
        """Number of boxes in a picture."""
        return len(self._boxes[index])

    def boxes(self, index: int) -> Iterator[Image]:
        """The contents of a picture's boxes, one after the other: h w 3, in 0..1.

        Raises:
            DataError: if the file turns out to be damaged.
        """
        path = self.paths[index]
        with matlab.hdf5(path) as file:
            for box in self._boxes[index]:
                top, left, bottom, right = (int(place) for place in box)
                stored = file[PICTURE][:, left - 1 : right, top - 1 : bottom]
                picture = np.ascontiguousarray(stored.T, np.float32)
                if not np.isfinite(picture).all():
                    raise DataError(f"{path} contains NaN or infinite pixels: copy it again")
                yield picture

    def _read_boxes(self) -> list[Boxes]:
        if not self._info.is_file():
            raise DataError(
                f"{self._info} is missing: DATA is DND's folder, with info.mat and images_srgb/"
            )
        with matlab.hdf5(self._info) as file:
            found = matlab.array(file, BOXES)
            if found is None or found.dtype.kind != "O":  # not an array of references
                raise DataError(f"{self._info} holds no {BOXES}: use DND's original file")
            boxes = [np.asarray(file[each], np.float64).T for each in np.ravel(found)]
        if not boxes:
            raise DataError(f"{self._info} lists no pictures: use DND's original file")
        for number, each in enumerate(boxes, 1):
            if each.ndim != 2 or each.shape[1] != 4 or not len(each):
                raise DataError(
                    f"{self._info} holds boxes {each.shape} of picture {number}: expected 20 times "
                    "top, left, bottom, right"
                )
        return boxes

    def _check(self, path: Path, boxes: Boxes) -> None:
        if not path.is_file():
            raise DataError(f"{path} is missing: {INFO} lists {len(self)} pictures")
        with matlab.hdf5(path) as file:
            height, width = _size(path, matlab.array(file, PICTURE))
        for number, box in enumerate(boxes, 1):
            top, left, bottom, right = box
            inside = 1 <= top <= bottom <= height and 1 <= left <= right <= width
            if not inside or (box % 1).any():
                raise DataError(
                    f"{self._info}: box {number} of {path.name}, {box.tolist()}, is none of its "
                    f"{height} x {width} pixels: take both files from one data set"
                )


def _size(path: Path, stored: Any) -> tuple[int, int]:  # noqa: ANN401 - h5py has no types
    """Height and width of a stored picture: 3 w h."""
    if stored is None:
        raise DataError(f"{path} holds no {PICTURE}: take DND's sRGB files, not the raw ones")
    if stored.dtype.kind != "f" or len(stored.shape) != 3 or stored.shape[0] != 3:
        raise DataError(
            f"{path} holds {stored.dtype} {stored.shape[::-1]}: expected height, width, 3 of float"
        )
    return stored.shape[2], stored.shape[1]
