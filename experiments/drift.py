"""How far noise moves the mean of grey fields, from nearly black to bright, by its strength.

    python experiments/drift.py [MODEL ...] [--side 96] [--threads N]

MODEL is a name of the catalogue or a model file, such as a checkpoint; all bundled ones if none is
given. Each cell is `harm.drift` in levels of 255, for white noise that is independent in the
channels, and for noise that is the same in all: 0.5 hides in rounding. Rows are the field's level,
columns the noise's deviation, both in levels of 255; the last row is the mean of the column.
"""

import argparse
from collections.abc import Iterable

import numpy as np

import harm
import mirnet
from mirnet.models import catalog
from mirnet.restoration.restorer import Restorer

LEVELS = (5, 10, 20, 40, 80, 128, 204)
DEVIATIONS = (5, 10, 15, 25, 40, 60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    bundled = [model.name for model in catalog.MODELS]
    parser.add_argument("models", nargs="*", default=bundled, metavar="MODEL")
    parser.add_argument("--side", type=int, default=96, help="of the fields")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    for model in arguments.models:
        with mirnet.load(model, threads=arguments.threads) as restorer:
            for is_grey in (False, True):
                print(f"\n{model}, {'grey' if is_grey else 'colour'} noise of")
                print("level" + "".join(f"{each:8}" for each in DEVIATIONS))
                found = [drifts(restorer, each, arguments.side, is_grey=is_grey) for each in LEVELS]
                for level, figures in zip(LEVELS, found, strict=True):
                    row(str(level), figures)
                row("mean", np.mean(found, 0))


def drifts(restorer: Restorer, level: int, side: int, *, is_grey: bool) -> list[float]:
    """Of one field, by the noise's deviation."""
    colour = (level / 255,) * 3
    fields = [harm.noisy_flat(colour, each, side, side, is_grey=is_grey) for each in DEVIATIONS]
    return [harm.drift(restorer(noisy), noisy, colour) for noisy in fields]


def row(name: str, figures: Iterable[float]) -> None:
    print(f"{name:>5}" + "".join(f"{figure:8.2f}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
