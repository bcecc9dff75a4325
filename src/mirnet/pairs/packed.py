"""Packed pairs: a folder of safetensors shards, mapped into memory.

A patch is cut from the mapped file: nothing is decoded, and only the pages it touches are read.
These stay in the system's cache, shared by all processes. `packing` writes such folders.
"""

import os
from bisect import bisect_right
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mirnet.errors import DataError
from mirnet.pairs import pairs, shard
from mirnet.pairs.pairs import Patch, Truth, Whole, WholeTruth


class Packed:
    """Pairs of a folder written by `mirnet data pack`; see `pairs.Pairs`.

    The headers of all shards are read at once. Afterwards every process maps a shard when it first
    needs it: no handle is shared over a fork, and none is pickled.

    Args:
        folder: folder of the shards.

    Raises:
        DataError: if a shard is missing, damaged, foreign, or of another set.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: list[str] = []
        self._starts: list[int] = []
        sizes: list[tuple[int, int]] = []
        views = set()
        labels: dict[Path, shard.Label] = {}
        files = shard.find(folder)
        if not files:
            raise DataError(f"{folder} holds no shards: pack pairs with `mirnet data pack`")
        for number, path in files.items():
            file = shard.open_file(path)
            labels[path] = shard.label(path, file)
            if labels[path].shard != number:
                raise DataError(f"{path} is shard {labels[path].shard}: give it its name back")
            contents = shard.contents(path, file)
            self._starts.append(len(self._names))
            self._names += contents.names
            sizes += contents.sizes
            views.add(contents.views)
        _refuse_others(folder, labels)
        in_order = all(first < second for first, second in pairwise(self._names))
        others = any(label.pairs != len(self) for label in labels.values())
        if not in_order or others or len(views) > 1:
            raise DataError(
                f"{folder}: the shards do not hold the pairs that they state: pack them again"
            )
        (self._views,) = views
        self._paths = list(files.values())
        self._sizes = np.array(sizes, np.int32)  # n 2
        self._handles: dict[int, shard.Mapped] = {}
        self._process = os.getpid()

    def __len__(self) -> int:
        return len(self._names)

    @property
    def views(self) -> int:
        return self._views

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handles": {}}

    def name(self, index: int) -> str:
        return self._names[index]

    def crop(self, index: int, side: int, place: tuple[float, float]) -> tuple[Patch, Truth]:
        rows, columns = pairs.window(self._names[index], self._size(index), side, place)
        noisy, clean = self._cut(index, (rows, columns))
        return noisy, clean

    def whole(self, index: int) -> tuple[Whole, WholeTruth]:
        noisy, clean = self._cut(index, (slice(None), slice(None)))
        return noisy, clean

    def check(self, side: int) -> None:
        """Compare the sizes of all pairs, which are already known.

        Raises:
            DataError: if one is smaller than `side`.
        """
        small = int(self._sizes.min(1).argmin())
        pairs.fit(self._names[small], self._size(small), side)

    def _size(self, index: int) -> tuple[int, int]:
        height, width = self._sizes[index].tolist()
        return height, width

    def _cut(self, index: int, place: tuple[slice, slice]) -> tuple[Whole, WholeTruth]:
        index = range(len(self))[index]  # converts negative indices
        number = bisect_right(self._starts, index) - 1
        file = self._file(number)
        with shard.sound(self._paths[number]):
            noisy, clean = (
                file.get_slice(f"{half}/{self._names[index]}")[place] for half in ("noisy", "clean")
            )
        return noisy, clean

    def _file(self, number: int) -> shard.Mapped:
        if self._process != os.getpid():
            self._process, self._handles = os.getpid(), {}
        if number not in self._handles:
            self._handles[number] = shard.open_file(self._paths[number])
        return self._handles[number]


def _refuse_others(folder: Path, labels: Mapping[Path, shard.Label]) -> None:
    """Check that the folder has all shards of one set, and nothing else."""
    first_path, first = next(iter(labels.items()))
    for path, label in labels.items():
        if label.set_digest != first.set_digest or label.shards != first.shards:
            raise DataError(f"{path} belongs to another set than {first_path.name}: separate them")
    there = {label.shard for label in labels.values()}
    missing = next((number for number in range(first.shards) if number not in there), None)
    if missing is not None:
        raise DataError(
            f"{folder}: {shard.name(missing)} is missing, of {first.shards}: copy it there, or "
            "run `mirnet data pack` again"
        )
