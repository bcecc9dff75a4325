"""What each choice of the training of `denoise-print` is worth: short runs that differ in one.

    python experiments/ablations.py FOLDER --weights START --photographs DIR --pairs DIR SET ... \
        [--steps 600] [--only NAME ...]

All runs begin with the same weights, see the same photographs and real pairs, and have the same
seed but for one, which shows how much chance does. Each is evaluated with its averaged weights of
the last step; they are averaged over a hundred steps, since the recipe's thousand would be more
than a short run has. FOLDER takes the runs; one that is there is not run again. The table has

- a column for each SET, a folder of pairs: PSNR in dB;
- `photographs`, `drawn` and `patterns`: PSNR to themselves of pictures without noise, in dB, the
  mean over those of `harm.py`, none counted higher than 60;
- `white`: the deviation that is left of white noise of 15 levels on a grey field.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import harm
import mirnet
from mirnet.restoration.restorer import Restorer
from mirnet.shapes import Pixels
from mirnet.training import recipe
from mirnet.training.start import Options, train
from mirnet.training.summary import SUMMARY

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

import photographs

SIDE = 96
KINDS = {"photographs": ("photograph",), "drawn": ("text", "page"), "patterns": ("pattern",)}
"""Columns, and the first words of the pictures that count for each."""
AVERAGED = 0.99
"""Of the averaged weights of before, what a step keeps."""
HIGHEST = 60.0
"""A PSNR above it is as good as infinite."""


@dataclass(frozen=True)
class Experiment:
    """What one run does otherwise than the first one."""

    question: str
    settings: tuple[str, ...] = ()
    """Of the recipe; STEPS stands for how many there are."""


COMMON = ("optim.loss=charbonnier", "optim.clip=0.5", "data.real_share=0.12")
"""What the recipe had when these questions were asked."""

EXPERIMENTS = {
    "as it is": Experiment(""),
    "another seed": Experiment("chance", ("seed=5",)),
    "no camera finishing": Experiment(
        "noise reduction, sharpening, JPEG",
        ("camera.finishing.share=0", "camera.editing.jpeg_share=0"),
    ),
    "no white noise": Experiment(
        "white noise", ("camera.white_noise.share={photograph=0, drawing=0, field=0}",)
    ),
    "no black and white": Experiment("black and white", ("camera.editing.grey_share=0",)),
    "no drawings": Experiment("drawings", ("data.drawn_share=0", "data.field_share=0")),
    "little identity": Experiment(
        "patches without noise",
        ("scenes.identity_share={photograph=0.05, drawing=0.05, field=0.05}",),
    ),
    "L1": Experiment("loss", ("optim.charbonnier=0",)),
    "patches of 128": Experiment(
        "patch size", ('stages=[{length="STEPS steps", patch=128, batch=2}]',)
    ),
    "no averaging": Experiment("averaging", ("optim.ema=0",)),
    "averaging by 0.999": Experiment("averaging", ("optim.ema=0.999",)),
    "lr 3e-4": Experiment("learning rate", ("optim.lr=3e-4",)),
    "lr 2e-3": Experiment("learning rate", ("optim.lr=2e-3",)),
    "no real pairs": Experiment("real pairs", ("data.real_share=0",)),
    "30 % real pairs": Experiment("real pairs", ("data.real_share=0.3",)),
    "denoise as teacher": Experiment("distillation", ("teacher.weights=denoise",)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS))
    arguments = parser.parse_args()
    common = [
        *COMMON,
        f'stages=[{{length="{arguments.steps} steps", patch=64, batch=8}}]',
        f'weights="{arguments.weights}"',
        f'data.photographs="{arguments.photographs}"',
        f'data.pairs="{arguments.pairs}"',
        f"optim.ema={AVERAGED}",
    ]
    sets = [path.name for path in arguments.sets]
    columns = ["run", "question", *sets, *KINDS, "white"]
    print(row(*columns), "|" + "---|" * len(columns), sep="\n")
    for name in arguments.only:
        output = arguments.folder / name.replace(" ", "_")
        experiment = EXPERIMENTS[name]
        if not (output / SUMMARY).exists():
            changes = [each.replace("STEPS", str(arguments.steps)) for each in experiment.settings]
            plan = recipe.load("denoise-print", [*common, *changes])
            train(plan, output, Options(), observe=lambda _: None)
        figures = [*psnr(output / "last.ckpt", arguments.sets), *kept(output / "last.ckpt")]
        cells = [f"{each:.2f}" for each in figures]
        print(row(name, experiment.question, *cells), flush=True)


def psnr(weights: Path, sets: Sequence[Path]) -> list[float]:
    """Means in dB, by `mirnet evaluate`."""
    evaluate = [sys.executable, "-m", "mirnet", "evaluate", "--json", "--model"]
    command: list[str | Path] = [*evaluate, weights, *sets]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    last = json.loads(done.stdout.splitlines()[-1])
    return [each["methods"][weights.stem]["psnr"] for each in last["data"]]


def kept(weights: Path) -> list[float]:
    """The columns of pictures without noise, and what is left of white noise."""
    pictures = harm.pictures(SIDE) | photographs.halved()
    with mirnet.load(str(weights)) as restorer:
        figures = [
            [to_itself(restorer, each) for name, each in pictures.items() if name.startswith(kinds)]
            for kinds in KINDS.values()
        ]
        grey = harm.noisy_flat(harm.COLOURS["grey"], 15, SIDE, SIDE, is_grey=False)
        left = float(restorer(grey).std((0, 1)).max())
    return [*(float(np.mean(each)) for each in figures), left]


def to_itself(restorer: Restorer, picture: Pixels) -> float:
    return min(harm.measure(restorer(picture), picture).psnr, HIGHEST)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
