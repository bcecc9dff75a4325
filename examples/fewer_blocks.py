"""A smaller network out of a trained one: the first groups, and of each the first blocks.

Every block and every group adds to what comes in, so what is left of the network still does
something with pictures; trained on, it is good sooner than one that begins from nothing.

    python examples/fewer_blocks.py denoise.safetensors smaller.safetensors --groups 2 --blocks 1
    mirnet train denoise-tiny --set weights=smaller.safetensors --set data.photographs=DIR
"""

import argparse
import re
from dataclasses import replace
from pathlib import Path

from mirnet.errors import WeightsError
from mirnet.models.checkpoint import Weights, read, write

BLOCK = re.compile(r"groups\.(\d+)\.(?:blocks\.(\d+)\.)?")


def fewer(weights: Weights, groups: int, blocks: int) -> Weights:
    """The weights of the first `groups` groups, of each the first `blocks` blocks."""
    configuration = replace(
        weights.configuration,
        groups=weights.configuration.groups[:groups],
        blocks_per_group=blocks,
    )
    tensors = {
        name: each for name, each in weights.tensors.items() if _is_kept(name, groups, blocks)
    }
    return Weights(tensors, configuration, {"task": weights.facts.get("task")})


def _is_kept(name: str, groups: int, blocks: int) -> bool:
    found = BLOCK.match(name)
    return found is None or (int(found[1]) < groups and int(found[2] or 0) < blocks)


def main() -> None:
    """Read, leave out, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", type=Path)
    parser.add_argument("smaller", type=Path)
    parser.add_argument("--groups", type=int, required=True)
    parser.add_argument("--blocks", type=int, required=True)
    options = parser.parse_args()
    try:
        trained = read(options.trained)
        groups, blocks = len(trained.configuration.groups), trained.configuration.blocks_per_group
        if not (0 < options.groups <= groups and 0 < options.blocks <= blocks):
            parser.error(f"the trained network has {groups} groups of {blocks} blocks")
        write(fewer(trained, options.groups, options.blocks), options.smaller)
    except WeightsError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
