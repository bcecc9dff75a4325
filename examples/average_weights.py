"""The mean of the weights of several files, of runs that began with the same weights.

Where one run goes on from another, the mean of the two is often better than either (Wortsman et
al., "Model soups", ICML 2022): what each has learnt last, and by chance, weighs less.

    python examples/average_weights.py runs/7/last.ckpt runs/8/last.ckpt mean.safetensors
    python examples/average_weights.py old.safetensors new/last.ckpt mean.safetensors --parts 2 1
    mirnet evaluate sidd_mini/val --model mean.safetensors

Networks that were trained apart have no useful mean.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import torch

from mirnet.errors import WeightsError
from mirnet.models.checkpoint import Weights, read, write


def mean(files: Sequence[Weights], parts: Sequence[float]) -> Weights:
    """The mean of weights of one configuration, with the facts of the last of them.

    `parts` says how much each counts. Where one is negative, the mean lies beyond the others.
    """
    last = files[-1]
    stacked = {
        name: torch.stack([each.tensors[name].double() for each in files], -1)
        for name in last.tensors
    }
    shares = torch.tensor(parts, dtype=torch.float64) / sum(parts)
    tensors = {name: (each @ shares).float() for name, each in stacked.items()}
    return Weights(tensors, last.configuration, last.facts)


def main() -> None:
    """Read, average, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", type=Path, nargs="+")
    parser.add_argument("mean", type=Path)
    parser.add_argument("--parts", type=float, nargs="+", help="how much each counts; else equally")
    options = parser.parse_args()
    parts = options.parts or [1.0] * len(options.trained)
    if len(parts) != len(options.trained) or not 0 < sum(parts) < math.inf:
        parser.error("--parts are as many numbers as there are files, with a finite sum above 0")
    try:
        files = [read(path) for path in options.trained]
        if len({each.configuration for each in files}) > 1:
            parser.error("the files are of different networks")
        write(mean(files, parts), options.mean)
    except WeightsError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
