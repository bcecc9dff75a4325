"""The data that models are measured on: pairs from folders of any supported kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from mirnet.errors import DataError
from mirnet.evaluation import sidd_blocks
from mirnet.pairs import sources
from mirnet.shapes import LargerPixels, Pixels


@runtime_checkable
class WholePairs(Protocol):
    """Noisy and clean pictures by index, like `mirnet.pairs.pairs.Pairs`, never cropped."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def whole(self, index: int) -> tuple[Pixels, LargerPixels]: ...


@dataclass(frozen=True)
class DataSet:
    """The pairs of one folder."""

    folder: Path
    pairs: WholePairs
    count: int
    """Number of pairs measured, starting from the first."""


def open_all(
    folders: Sequence[Path], *, limit: int | None = None, scale: int = 1, views: int = 1
) -> list[DataSet]:
    """Open folders of pairs: picture files, packed shards, or SIDD's two .mat files.

    Args:
        folders: in the order in which they are measured.
        limit: maximum number of pairs taken from each; None for all.
        scale: ratio of the truth's height and width to the input's; see `sources.open`.
        views: number of noisy pictures of each pair.

    Raises:
        DataError: if a folder holds no pairs, they are incomplete or have other views, it is given
            twice, or holds .mat files, whose halves have one size and one view, where a scale or
            two views are asked for.
        RuntimeMissingError: if .mat files are there and SciPy is not.
        ModuleNotFoundError: if shards are there and safetensors is not.
    """
    resolved = [folder.resolve() for folder in folders]
    for index, folder in enumerate(folders):
        if resolved[index] in resolved[:index]:
            raise DataError(f"{folder} is given twice: its pairs would count double")
    opened = [(folder, _open(folder, scale, views)) for folder in folders]
    return [
        DataSet(folder, pairs, min(len(pairs), limit or len(pairs))) for folder, pairs in opened
    ]


def _open(folder: Path, scale: int, views: int) -> WholePairs:
    if sidd_blocks.is_there(folder):
        if scale > 1:
            raise DataError(f"{folder} holds SIDD's blocks: they are no pairs for enlarging")
        if views > 1:
            raise DataError(f"{folder} holds SIDD's blocks: they are no pairs of two views")
        return sidd_blocks.SiddBlocks(folder)
    return sources.open(folder, scale, views)
