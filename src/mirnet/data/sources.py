"""Real pairs from wherever they lie."""

from pathlib import Path

from mirnet.data import shard
from mirnet.data.packed import Packed
from mirnet.data.pair_folder import PairFolder
from mirnet.data.pairs import Pairs


def open(folder: Path) -> Pairs:
    """The pairs of a folder: of its shards if it holds any, of its picture files otherwise.

    Raises:
        DataError: if it holds neither, or what it holds is incomplete; see `Packed`, `PairFolder`.
    """
    if folder.is_dir() and shard.find(folder):
        return Packed(folder)
    return PairFolder(folder)
