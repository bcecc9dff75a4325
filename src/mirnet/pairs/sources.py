"""Open real pairs in any supported format."""

from pathlib import Path

from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.pairs import Pairs
from mirnet.pairs.shrunk import Shrunk
from mirnet.pictures import codec


def open(folder: Path, scale: int = 1) -> Pairs:
    """Open the pairs of a folder: its shards if there are any, its picture files otherwise.

    Args:
        folder: the folder.
        scale: ratio of the clean half's height and width to the noisy one's. Pairs of one size then
            become such pairs, see `Shrunk`; the first pair decides.

    Raises:
        DataError: if it holds neither, or what it holds is incomplete; see `Packed`, `PairFolder`.
        ImageError: if the first pair cannot be read and a scale is given.
        ModuleNotFoundError: if there are shards, and safetensors (extra `train`) is missing.
    """
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
