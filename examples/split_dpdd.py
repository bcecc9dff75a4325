"""Divide the test pairs of DPDD into indoor and outdoor ones, as papers report them.

The labels come with the copies of the test set that MIRNetV2 and Restormer pass on: numbers of
pairs, counted from 1 in the order of their names, in `indoor_labels.npy` and `outdoor_labels.npy`.
Files are linked where the disk allows it and copied otherwise.

    python examples/split_dpdd.py DPDD/test DPDD
    mirnet evaluate DPDD/indoor DPDD/outdoor --model dual_pixel.pth --whole --lpips
"""

import argparse
import os
import shutil
from pathlib import Path

import numpy as np

from mirnet.errors import DataError, MirnetError
from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.pairs import VIEWS

PARTS = ("indoor", "outdoor")


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the test pairs, such as DPDD/test")
    parser.add_argument("target", type=Path, help="gets the folders indoor/ and outdoor/")
    parser.add_argument("--labels", type=Path, help="folder of the two files; default: the pairs'")
    arguments = parser.parse_args()
    try:
        pairs = PairFolder(arguments.source)
        parts = labels(arguments.labels or arguments.source, len(pairs))
        for name, indices in parts.items():
            for index in indices:
                place(pairs, index, arguments.target / name)
            print(f"{arguments.target / name}: {len(indices)} pairs")
    except MirnetError as error:
        parser.error(str(error))


def labels(folder: Path, count: int) -> dict[str, list[int]]:
    """Indices of the pairs of each part, from 0.

    Args:
        folder: holds the two files.
        count: number of pairs.

    Raises:
        DataError: if a file is missing or holds no numbers, or the parts are not all pairs, each
            once.
    """
    found = {}
    for part in PARTS:
        path = folder / f"{part}_labels.npy"
        try:
            found[part] = [int(number) - 1 for number in np.load(path).ravel()]
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read as labels: {error}") from None
    if sorted(index for part in found.values() for index in part) != list(range(count)):
        raise DataError(f"{folder}: the labels do not name each of the {count} pairs once")
    return found


def place(pairs: PairFolder, index: int, target: Path) -> None:
    """Link or copy the files of a pair into the folders that `mirnet evaluate` knows.

    Raises:
        DataError: if the pair has one view.
    """
    files = pairs.files(index)
    if not files.right:
        raise DataError(f"{pairs.folder} holds one picture for each clean one, not two views")
    halves = (files.noisy, files.right, files.clean)
    for half, source in zip(VIEWS[0], halves, strict=True):
        path = target / half / f"{pairs.name(index)}{source.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        try:
            os.link(source.resolve(), path)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, path)


if __name__ == "__main__":
    main()
