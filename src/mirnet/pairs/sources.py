"""Open real pairs in any supported format."""

from pathlib import Path

from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.pairs import Pairs


def open(folder: Path) -> Pairs:
    """Open the pairs of a folder: its shards if there are any, its picture files otherwise.

    Raises:
        DataError: if it holds neither, or what it holds is incomplete; see `Packed`, `PairFolder`.
        ModuleNotFoundError: if there are shards, and safetensors (extra `train`) is missing.
    """
    if any(folder.glob("shard-*.safetensors")):
        # imported here, so that picture files can be read without safetensors
        from mirnet.pairs import shard
        from mirnet.pairs.packed import Packed

        if shard.find(folder):
            return Packed(folder)
    return PairFolder(folder)
