"""What models do to pictures that they should leave alone, side by side.

    python experiments/harm_table.py [MODEL ...] [--side 96] [--threads N]

MODEL is a name of the catalogue or a model file, such as a checkpoint; all bundled ones if none is
given. The pictures are those of `harm.py` and scikit-image's photographs, as they are and halved:
some have grain of their own, most of which halving removes.

For each model the table holds PSNR to the picture itself in dB, the largest difference of a pixel,
and the largest shift of a channel's mean, both in levels of 255.

The second table is of flat fields with white noise, independent in the channels or grey: how far
the mean lies beyond what noise explains (`harm.drift`), the largest difference of a pixel from the
mean of the result, and the deviation that is left.
"""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import harm
import mirnet
from mirnet.models import catalog
from mirnet.restoration.restorer import Restorer

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

import photographs

DEVIATIONS = (5, 15, 40)
FIELDS = ("grey", "dark", "sky", "skin", "black")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    bundled = [model.name for model in catalog.MODELS]
    parser.add_argument("models", nargs="*", default=bundled, metavar="MODEL")
    parser.add_argument("--side", type=int, default=96, help="of the pictures, 64 at least")
    parser.add_argument("--self-ensemble", type=int, default=1, metavar="VIEWS")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        restorers = [
            stack.enter_context(
                mirnet.load(model, self_ensemble=arguments.self_ensemble, threads=arguments.threads)
            )
            for model in arguments.models
        ]
        for number, model in enumerate(arguments.models):
            print(f"model {number + 1}: {model}")
        pictures = harm.pictures(arguments.side) | photographs.whole() | photographs.halved()
        heading("without noise", restorers, ("PSNR", "largest", "shift"))
        for name, picture in pictures.items():
            harms = [harm.measure(restorer(picture), picture) for restorer in restorers]
            row(name, [(each.psnr, each.largest, each.shift) for each in harms])
        heading("flat fields with noise", restorers, ("drift", "largest", "left"))
        for colour in FIELDS:
            for deviation in DEVIATIONS:
                for is_grey in (False, True):
                    kind = "grey" if is_grey else "colour"
                    name = f"{colour}, {kind} noise of {deviation}"
                    found = [
                        noise(each, arguments.side, colour, deviation, is_grey=is_grey)
                        for each in restorers
                    ]
                    row(name, found)


def noise(
    restorer: Restorer, side: int, colour: str, deviation: float, *, is_grey: bool
) -> tuple[float, float, float]:
    field = harm.COLOURS[colour]
    noisy = harm.noisy_flat(field, deviation, side, side, is_grey=is_grey)
    restored = restorer(noisy)
    left = restored - restored.mean((0, 1))
    return harm.drift(restored, noisy, field), abs(left).max(), left.std((0, 1)).max()


def heading(title: str, restorers: Sequence[Restorer], names: Sequence[str]) -> None:
    print(f"\n{title:36}" + len(restorers) * ("  " + "".join(f"{name:>8}" for name in names)))


def row(name: str, figures: Sequence[tuple[float, float, float]]) -> None:
    cells = ("  " + "".join(f"{figure:8.2f}" for figure in each) for each in figures)
    print(f"{name:36}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
