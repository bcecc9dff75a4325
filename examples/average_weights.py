"""The mean of the weights of several files, of runs that began with the same weights.

Where one run goes on from another, the mean of the two is often better than either (Wortsman et
al., "Model soups", ICML 2022): what each has learnt last, and by chance, weighs less.

    python examples/average_weights.py runs/7/last.ckpt runs/8/last.ckpt mean.safetensors
    mirnet evaluate sidd_mini/val --model mean.safetensors

Networks that were trained apart have no useful mean.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from mirnet.errors import WeightsError
from mirnet.weights.checkpoint import Weights, read, write


def mean(files: Sequence[Weights]) -> Weights:
    """The mean of weights of one configuration, with the facts of the last of them."""
    last = files[-1]
    tensors = {
        name: torch.stack([each.tensors[name].double() for each in files]).mean(0).float()
        for name in last.tensors
    }
    return Weights(tensors, last.configuration, last.facts)


def main() -> None:
    """Read, average, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", type=Path, nargs="+")
    parser.add_argument("mean", type=Path)
    options = parser.parse_args()
    try:
        files = [read(path) for path in options.trained]
        if len({each.configuration for each in files}) > 1:
            parser.error("the files are of different networks")
        write(mean(files), options.mean)
    except WeightsError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
