"""Patches a second of the loader alone: a folder of PNG files against packed shards, by workers.

    python benchmarks/loading.py [--pairs 400] [--patch 128] [--batch 8] [--workers 0 1 2]

The pairs of 256x256 are made in the temporary folder (about 150 MB) of scikit-image's photographs,
with noise. Patches are turned at random and blended with others, as in the recipe `sidd-1gpu`:
so two pairs are read for each. All was read once before, so that no disk is measured, and batches
that were made ahead are taken out before the clock starts. The last line is what a training step
takes in: where the loader gives more than that, training does not wait for data.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import noisy_pairs
import torch
import training

from mirnet.models.mirnetv2.network import PRESETS
from mirnet.pairs import sources
from mirnet.training import loader
from mirnet.training.loop import Training
from mirnet.training.samples.dataset import TrainingData
from mirnet.training.schedule import Schedule


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--patch", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--preset", default="small", choices=PRESETS)
    parser.add_argument("--precision", default="32-true")
    arguments = parser.parse_args()
    step = training.ours(arguments, arguments.precision)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noisy_pairs.make(folder / "pairs", arguments.pairs)
        noisy_pairs.pack(folder / "pairs", folder / "packed")
        opened = [sources.open(folder / kind) for kind in ("pairs", "packed")]
        for index in range(arguments.pairs):
            for pairs in opened:
                pairs.whole(index)
        data = [training.pairs_alone(pairs) for pairs in opened]
        print(f"{arguments.pairs} pairs of 256x256, batches of {arguments.batch}x3x", end="")
        print(f"{arguments.patch}x{arguments.patch}, patches a second")
        print("workers   folder   packed  packed is")
        for workers in arguments.workers:
            rounds = [
                [speed(each, step.plan, workers, arguments.seconds) for each in data]
                for _ in range(arguments.rounds)
            ]
            slow, fast = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(
                f"{workers:7} {slow:8.0f} {fast:8.0f}  {fast / slow:4.1f} times as fast", flush=True
            )
    print(f"a step of {arguments.preset}, {training.where()}, {arguments.precision}: ", end="")
    print(f"{network_speed(step, arguments):.2f}")


def speed(data: TrainingData, plan: Schedule, workers: int, seconds: float) -> float:
    """Patches a second that can be had of the loader."""
    requests = plan.all_requests(0, 0)
    batches = loader.load(data, requests, workers=workers, pin=torch.cuda.is_available())
    for _ in range(1 + 2 * workers * loader.AHEAD):
        next(batches)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        count += len(next(batches).clean)
    return count / (time.perf_counter() - started)


def network_speed(run: Training, arguments: argparse.Namespace) -> float:
    """Patches a second of training with a batch that lies ready."""
    step = training.stepping(run, training.ready(*training.patches(arguments)))
    step()
    seconds = [training.timed(step)[0] for _ in range(arguments.rounds)]
    return float(arguments.batch / statistics.median(seconds))


if __name__ == "__main__":
    main()
