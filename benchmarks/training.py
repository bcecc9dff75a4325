"""Seconds of a training step: ours against the same step in plain PyTorch; the data's share of it.

    python benchmarks/training.py [--preset small] [--batch 8] [--patch 128] [--rounds 5]
    python benchmarks/training.py --profile

`plain` is the independent implementation of MIRNetV2 (`spandrel-extra-arches`, as in the tests) in
eager PyTorch: Adam, Charbonnier loss, clipped gradient, with autocast for bfloat16. `mirnet` is
what `mirnet train` does in a step, which is the same and more: averaged weights, checks that loss
and gradient are finite. Both begin with the same weights and see the same batch, which lies ready
in memory; the column `loss` shows that they compute the same.

Each variant is a process of its own, for a peak of memory of its own; they take turns, one step
each, while the others wait. `first` is the step that warms up and is not counted. Memory is the
largest resident one of the process; on a GPU the largest that PyTorch has allotted there.

`--profile` runs the training loop over packed pairs without workers, and says which part of a step
goes into making the batch and bringing it to the device.
"""

import argparse
import importlib.util
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import noisy_pairs
import torch
from torch import nn

from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import PRESETS
from mirnet.pairs import sources
from mirnet.pairs.pairs import Pairs
from mirnet.training import loader, recipe
from mirnet.training.devices import open_fabric
from mirnet.training.logs import Logs
from mirnet.training.loop import Training
from mirnet.training.recipe import Data, Optimisation, Recipe, Span, Stage
from mirnet.training.samples.dataset import SampleBatch, TrainingData
from mirnet.training.samples.developing import DEVELOP
from mirnet.training.schedule import lay_out
from mirnet.training.state import set_up

TESTS = Path(__file__).parent.parent / "tests"
OPTIM = Optimisation(optimizer="adam", lr=2e-4, weight_decay=1e-8, clip=1.0)
MIXUP = recipe.load("sidd-1gpu").data.mixup

T = TypeVar("T")
Step = Callable[[], float]
"""Takes one step and returns the loss."""


@dataclass(frozen=True)
class Variant:
    """A way to train."""

    is_ours: bool
    precision: str
    recompute: bool = False
    compile: bool = False

    def __str__(self) -> str:
        words = ["mirnet" if self.is_ours else "plain", self.precision]
        words += ["recompute"] if self.recompute else []
        words += ["compile"] if self.compile else []
        return ", ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="small", choices=PRESETS)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", nargs="+", default=["32-true", "bf16-mixed"])
    parser.add_argument("--compile", action="store_true", help="compiling takes minutes")
    parser.add_argument("--pairs", type=int, default=100, help="that --profile makes")
    parser.add_argument("--profile", action="store_true", help="the data's share of our step")
    parser.add_argument("--one", metavar="VARIANT", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        take_turns(Variant(**json.loads(arguments.one)), arguments)
    elif arguments.profile:
        profile(arguments)
    else:
        compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    """Print the table of all variants."""
    if not importlib.util.find_spec("spandrel_extra_arches"):
        sys.exit("needs the independent network: pip install --no-deps spandrel-extra-arches")
    first, *others = arguments.precision
    variants = [Variant(False, first), Variant(True, first), Variant(True, first, recompute=True)]
    variants += [Variant(True, first, compile=True)] if arguments.compile else []
    variants += [Variant(is_ours, other) for other in others for is_ours in (False, True)]
    processes = [start(variant) for variant in variants]
    rounds = [
        [turn(process) for process in processes]  # first all warm up
        for _ in range(1 + arguments.rounds)
    ]
    for process in processes:
        process.communicate()
    print(head(arguments))
    print(f"{'':30}  seconds     min     max  of plain  patches/s   first  peak MB     loss")
    for variant, results in zip(variants, zip(*rounds, strict=True), strict=True):
        seconds = [result["seconds"] for result in results[1:]]
        median = statistics.median(seconds)
        if not variant.is_ours:
            plain = median
        print(
            f"{variant!s:30}  {median:7.3f} {min(seconds):7.3f} {max(seconds):7.3f}  "
            f"{median / plain:8.2f}  {arguments.batch / median:9.2f} {results[0]['seconds']:7.2f}  "
            f"{results[-1]['peak_mb']:7.0f}  {results[0]['loss']:.5f}"
        )


def head(arguments: argparse.Namespace) -> str:
    side = arguments.patch
    return f"{arguments.preset}, {arguments.batch}x3x{side}x{side}, {where()}"


def where() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU with {torch.get_num_threads()} threads"


def start(variant: Variant) -> "subprocess.Popen[str]":
    """A process that takes a step of the variant for each line that it is sent."""
    return subprocess.Popen(
        [sys.executable, *sys.argv, "--one", json.dumps(asdict(variant))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def turn(process: "subprocess.Popen[str]") -> dict[str, float]:
    """Have one step taken."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        sys.exit("a variant has failed")
    result: dict[str, float] = json.loads(line)
    return result


def take_turns(variant: Variant, arguments: argparse.Namespace) -> None:
    """The other end of `turn`."""
    noisy, clean = patches(arguments)
    training = ours(arguments, variant.precision, variant.recompute, variant.compile)
    if variant.is_ours:
        step = stepping(training, ready(noisy, clean))
    else:
        step = plain_step(arguments.preset, variant.precision, training, noisy, clean)
        del training  # the weights are copied
    for _ in sys.stdin:
        seconds, loss = timed(step)
        print(json.dumps({"seconds": seconds, "loss": loss, "peak_mb": peak_mb()}), flush=True)


def ours(
    arguments: argparse.Namespace, precision: str, recompute: bool = False, compiled: bool = False
) -> Training:
    """A run of our own, as `mirnet train` sets it up."""
    wanted = Recipe(
        preset=arguments.preset,
        stages=(Stage(Span("1000000 steps"), arguments.patch, arguments.batch),),
        precision=precision,
        recompute=recompute,
        compile=compiled,
        data=Data(mixup=MIXUP),
        optim=OPTIM,
    )
    fabric = open_fabric("auto", 1, None, precision)
    fabric.launch()
    plan = lay_out(wanted, epoch=1, processes=1)
    develop = DEVELOP[wanted.task](wanted)
    return Training(plan, Path(), None, set_up(fabric, wanted), Logs(), develop)


def pairs_alone(pairs: Pairs) -> TrainingData:
    """Real pairs, blended as in `sidd-1gpu`."""
    return TrainingData(
        [], pairs, real_share=1.0, drawn_share=0.0, field_share=0.0, seed=0, mixup=MIXUP
    )


def stepping(training: Training, batches: Iterator[SampleBatch]) -> Step:
    """The training loop's own update."""
    plan = training.plan
    ends = torch.zeros(2, device=training.fabric.device)

    def step() -> float:
        done = training.state.step
        return training._update(batches, plan.phase(done), plan.lr(done), ends)[0]

    return step


def patches(arguments: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy and clean, b 3 patch patch: noise upon noise, whose look costs nothing."""
    generator = torch.Generator().manual_seed(0)
    size = (arguments.batch, 3, arguments.patch, arguments.patch)
    clean = torch.rand(size, generator=generator)
    return (clean + 0.1 * torch.randn(size, generator=generator)).clamp(0, 1), clean


def ready(noisy: torch.Tensor, clean: torch.Tensor) -> Iterator[SampleBatch]:
    """A batch of real pairs as the loader hands it over, again and again."""
    none, no_scene = noisy[:0], torch.zeros(0, dtype=torch.bool)
    batch = SampleBatch(noisy, clean, none, none, no_scene, no_scene, noisy.shape[-1], seed=0)
    return itertools.repeat(batch)


def plain_step(
    preset: str, precision: str, training: Training, noisy: torch.Tensor, clean: torch.Tensor
) -> Step:
    """What one would write by hand around the independent network, with the weights of ours."""
    sys.path.append(str(TESTS))
    import official

    device = training.fabric.device
    network: nn.Module = official.network(PRESETS[preset])
    network.load_state_dict(upstream.to_official(training.state.network.state_dict()))
    network.to(device)
    optimizer = torch.optim.Adam(network.parameters(), OPTIM.lr, weight_decay=OPTIM.weight_decay)
    is_mixed = precision == "bf16-mixed"

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=is_mixed):
            restored = network(noisy.to(device))
        difference = restored.float() - clean.to(device)
        loss = (difference**2 + OPTIM.charbonnier**2).sqrt().mean()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), OPTIM.clip)
        optimizer.step()
        return float(loss.item())

    return step


def timed(function: Callable[[], T]) -> tuple[float, T]:
    """Seconds of a call, with all that it started on a GPU, and its result."""
    synchronise()
    started = time.perf_counter()
    result = function()
    synchronise()
    return time.perf_counter() - started, result


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_mb() -> float:
    """Of the GPU's memory where there is one, else of the process, in 2^20 bytes."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def profile(arguments: argparse.Namespace) -> None:
    """Print where the time of a step goes."""
    print(head(arguments))
    print(f"{'ms a step':10}    step   batch  to device  the data's share")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noisy_pairs.make(folder / "pairs", arguments.pairs)
        noisy_pairs.pack(folder / "pairs", folder / "packed")
        for precision in arguments.precision:
            training = ours(arguments, precision)
            data = pairs_alone(sources.open(folder / "packed"))
            requests = training.plan.all_requests(0, 0)
            batches = loader.load(data, requests, workers=0, pin=False)
            step, batch, move = (1000 * part for part in spent(training, batches, arguments.rounds))
            print(
                f"{precision:10} {step:7.0f} {batch:7.1f} {move:10.1f} "
                f"{(batch + move) / step:17.2%}"
            )


def spent(
    training: Training, batches: Iterator[SampleBatch], rounds: int
) -> tuple[float, float, float]:
    """Medians of the seconds of a step: all, making the batch, bringing it to the device."""
    waits: list[float] = []
    moves: list[float] = []

    def next_batch() -> Iterator[SampleBatch]:
        while True:
            seconds, batch = timed(lambda: next(batches))
            waits.append(seconds)
            yield batch

    made = training.develop

    def develop(batch: SampleBatch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        seconds, result = timed(lambda: made(batch, device))
        moves.append(seconds)
        return result

    training.develop = develop
    step = stepping(training, next_batch())
    steps = [timed(step)[0] for _ in range(1 + rounds)]
    steps, waits, moves = steps[1:], waits[1:], moves[1:]  # the first one warms up
    return statistics.median(steps), statistics.median(waits), statistics.median(moves)


if __name__ == "__main__":
    main()
