"""Open real pairs in any supported format."""

from pathlib import Path

from mirnet.errors import DataError
from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.pairs import Pairs
from mirnet.pairs.shrunk import Shrunk
from mirnet.pictures import codec


def open(folder: Path, scale: int = 1, views: int = 1) -> Pairs:
    """Open the pairs of a folder: its shards if there are any, its picture files otherwise.

    Args:
        folder: the folder; see `pairs.find`.
        scale: ratio of the clean half's height and width to the noisy one's. Pairs of one size then
            become such pairs, see `Shrunk`; the first pair decides.
        views: number of noisy pictures that each pair must have.

    Raises:
        DataError: if it holds neither, or what it holds is incomplete; see `Packed`, `PairFolder`.
            If its pairs have another number of views.
        ImageError: if the first pair cannot be read and a scale is given.
        ModuleNotFoundError: if there are shards, and safetensors (extra `train`) is missing.
    """
    pairs = _open(folder, scale)
    if pairs.views > views:
        raise DataError(
            f"{folder} holds two views of each picture, left and right: they are for the task "
            "deblur and its models"
        )
    if pairs.views < views:
        raise DataError(
            f"{folder} holds one picture for each clean one: expected a left and a right view, as "
            "docs/data.md shows"
        )
    return pairs


def _open(folder: Path, scale: int) -> Pairs:
    if any(folder.glob("shard-*.safetensors")):
        # imported here, so that picture files can be read without safetensors
        from mirnet.pairs import shard
        from mirnet.pairs.packed import Packed

        if shard.find(folder):
            packed = Packed(folder)
            return packed if scale == 1 else Shrunk(packed, scale)
    if scale == 1:
        return PairFolder(folder)
    pairs = PairFolder(folder, scale=scale)
    first = pairs.files(0)
    if codec.size(first.noisy) == codec.size(first.clean):
        return Shrunk(PairFolder(folder), scale)
    return pairs
