"""How a fresh network should begin: short runs that differ in their first weights alone.

    python experiments/initialisation.py FOLDER PAIRS HELD_OUT [--steps 200] [--lr 1e-3 2e-4] \
        [--seeds 0 1 2] [--only NAME ...]

All runs have the groups of `small` with one block each, a quarter of its width, and two patches of
64x64 a step. Runs of one seed see the same batches and draw the same weights, which each start then
scales. FOLDER takes the runs; one that is there is not run again. The table has, as means over the
seeds,

- `moves`: how far the fresh network moves a random picture in the mean, of 1.0;
- `first` and `last`: the mean loss of the first and of the last 50 steps;
- `PSNR`: of the last weights on HELD_OUT, in dB, and its standard deviation over the seeds.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mirnet.models.checkpoint import Weights, write
from mirnet.models.mirnetv2.network import Configuration, MIRNetV2, RecursiveGroup
from mirnet.training import recipe
from mirnet.training.loop import LOG_EVERY, StepProgress
from mirnet.training.start import Options, train
from mirnet.training.summary import SUMMARY

NETWORK = Configuration(width=16, groups=(1, 2, 4), blocks_per_group=1)
SETTINGS = (
    "network={width=16, groups=[1, 2, 4], blocks_per_group=1}",
    "data.mixup=0",
    "optim.lr_min=1e-6",
    "optim.warmup='20 steps'",
    "optim.ema=0",
    "validation.pictures=0",
)
LOSSES = "losses.txt"
"""Name of the list of the first loss, the last one and the PSNR, in the folder of a run."""

Start = Callable[[MIRNetV2], None]
"""Changes the weights of a network that PyTorch initialised."""


def scaled(*, tail: float = 1, groups: float = 1) -> Start:
    """Scales the last convolution of the network, and of each group."""

    def start(network: MIRNetV2) -> None:
        scale(network.tail, tail)
        for group in network.groups:
            assert isinstance(group, RecursiveGroup)
            scale(group.project, groups)

    return start


STARTS = {
    "as PyTorch": scaled(),
    "tail x 0.1": scaled(tail=0.1),
    "tail 0": scaled(tail=0),
    "groups 0": scaled(groups=0),
    "groups 0, tail x 0.1": scaled(groups=0, tail=0.1),
}


@dataclass(frozen=True)
class Figures:
    """What one run came to."""

    moves: float
    first: float
    last: float
    psnr: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--lr", nargs="+", type=float, default=[1e-3, 2e-4])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=STARTS, default=list(STARTS))
    arguments = parser.parse_args()
    columns = ["lr", "start", "moves", "first", "last", "PSNR", "deviation"]
    print(row(*columns), "|" + "---|" * len(columns), sep="\n")
    for lr in arguments.lr:
        for name in arguments.only:
            runs = [
                run(
                    arguments.folder / f"{name} {lr} {seed}".replace(" ", "_"),
                    STARTS[name],
                    seed,
                    [
                        *SETTINGS,
                        f"optim.lr={lr}",
                        f"stages=[{{length='{arguments.steps} steps', patch=64, batch=2}}]",
                        f"data.pairs='{arguments.pairs}'",
                        f"validation.pairs='{arguments.held_out}'",
                        f"validation.every='{arguments.steps} steps'",
                    ],
                )
                for seed in arguments.seeds
            ]
            moves, first, last, psnr = (
                [getattr(each, column) for each in runs]
                for column in ("moves", "first", "last", "psnr")
            )
            cells = [f"{np.mean(moves):.3f}", f"{np.mean(first):.4f}", f"{np.mean(last):.4f}"]
            cells += [f"{np.mean(psnr):.2f}", f"{np.std(psnr):.2f}"]
            print(row(f"{lr:g}", name, *cells), flush=True)


def run(folder: Path, start: Start, seed: int, settings: list[str]) -> Figures:
    folder.mkdir(parents=True, exist_ok=True)
    network = fresh(start, seed)
    weights = folder / "start.safetensors"
    if not (folder / SUMMARY).exists():
        write(Weights.of(network), weights)
        losses: list[float] = []

        def observe(progress: StepProgress) -> None:
            if progress.step in (min(LOG_EVERY, progress.plan.steps), progress.plan.steps):
                losses.append(progress.loss)  # the mean of the last LOG_EVERY steps

        summary = train(
            recipe.load("lite", [*settings, f"seed={seed}", f"weights='{weights}'"]),
            folder,
            Options(viewers=()),
            observe=observe,
        )
        assert summary.psnr is not None
        np.savetxt(folder / LOSSES, [*losses, summary.psnr])
    *losses, psnr = np.loadtxt(folder / LOSSES)
    return Figures(moved(network), losses[0], losses[-1], psnr)


def fresh(start: Start, seed: int) -> MIRNetV2:
    """A network as PyTorch initialises it, and then `start`."""
    torch.manual_seed(seed)
    network = NETWORK.network()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    start(network)
    return network


def moved(network: MIRNetV2) -> float:
    """How far the network moves a picture of random values in the mean."""
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 64, 64, generator=generator)
    with torch.inference_mode():
        return float((network(picture) - picture).abs().mean())


@torch.no_grad()
def scale(layer: nn.Conv2d, factor: float) -> None:
    layer.weight.mul_(factor)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
