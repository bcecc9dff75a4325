"""Plan of a recipe for a number of processes: the contents of each step. Plain numbers: no torch.

The run is one long sequence of samples, numbered from 0. A step takes the next ones, each process
its share of them, in parts that fit into its memory. A sample depends only on its number, so the
number of processes changes neither which samples are used nor, except for rounding, the weights.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from mirnet.training.recipe import Optimisation, Recipe, Span, Stage
from mirnet.training.samples import order
from mirnet.training.samples.request import Request


@dataclass(frozen=True)
class Phase:
    """A stage as executed."""

    first: int
    """Number of its first step."""
    steps: int
    sample: int
    """Number of its first sample."""
    patch: int
    batch: int
    """Patches in one part of a step on one process."""
    parts: int
    """Backward passes of a process before each optimizer step."""
    samples: int
    """Samples per step, for all processes together."""

    @property
    def end(self) -> int:
        """The step after its last one."""
        return self.first + self.steps


@dataclass(frozen=True)
class Schedule:
    """All steps of a run. Positions are counted as in the recipe, in samples or in steps."""

    recipe: Recipe
    phases: tuple[Phase, ...]
    processes: int
    epoch: int
    """Samples in one epoch."""

    @property
    def steps(self) -> int:
        """Total number of steps of all phases."""
        return self.phases[-1].end

    @property
    def samples(self) -> int:
        """Total number of samples of the run."""
        return self.samples_at(self.steps)

    def phase(self, step: int) -> Phase:
        """The phase of a step, counted from 0; the last phase for any step beyond the end."""
        return next((phase for phase in self.phases if step < phase.end), self.phases[-1])

    def samples_at(self, step: int) -> int:
        """Number of samples used before a step."""
        phase = self.phase(step)
        return phase.sample + (step - phase.first) * phase.samples

    def pixels_at(self, step: int) -> int:
        """Number of patch pixels used before a step, as a measure of work."""
        seen = (min(max(step - phase.first, 0), phase.steps) for phase in self.phases)
        return sum(
            steps * phase.samples * phase.patch**2
            for steps, phase in zip(seen, self.phases, strict=True)
        )

    def requests(self, step: int, rank: int) -> list[Request]:
        """The parts of a step that one process handles."""
        phase = self.phase(step)
        first = self.samples_at(step) + rank * phase.parts * phase.batch
        mixes = self._mixes(step)
        return [
            Request(first + part * phase.batch, phase.batch, phase.patch, mixes)
            for part in range(phase.parts)
        ]

    def _mixes(self, step: int) -> bool:
        """Whether the pairs of a step are blended; all processes agree."""
        data = self.recipe.data
        place = step - self.step_at(data.mixup_from)
        if not data.mixup or place < 0:
            return False
        return order.spread(place, Fraction(data.mixup_share).limit_denominator(10_000))[0]

    def all_requests(self, rank: int, start: int) -> Iterator[Request]:
        """The requests of all steps from `start` to the end, in order."""
        steps = range(start, self.steps)
        return itertools.chain.from_iterable(self.requests(step, rank) for step in steps)

    @property
    def peak_lr(self) -> float:
        """The highest learning rate: at the end of the warm-up, or of the run if earlier."""
        warm = self.step_at(self.recipe.optim.warmup)
        return self.lr(min(max(warm - 1, 0), self.steps - 1))

    def __str__(self) -> str:
        """A table, one line per stage."""
        processes = f"{self.processes} process" + ("es" if self.processes > 1 else "")
        lines = [
            f"{self.steps:,} steps, {self.samples:,} patches, {processes}; an epoch has "
            f"{self.epoch:,} patches; peak lr {self.peak_lr:.2e}",
            f"{'steps':>17}  {'patch':>5}  {'batch':>5}  = {'processes':>9} x {'parts':>5} x "
            f"{'patches':>7}  {'epochs':>7}  {'lr':>19}",
        ]
        for phase in self.phases:
            steps = f"{phase.first:,} to {phase.end:,}"
            epochs = phase.steps * phase.samples / self.epoch
            lrs = f"{self.lr(phase.first):.2e} to {self.lr(phase.end - 1):.2e}"
            lines.append(
                f"{steps:>17}  {phase.patch:>5}  {phase.samples:>5}  = {self.processes:>9} x "
                f"{phase.parts:>5} x {phase.batch:>7}  {epochs:>7.2f}  {lrs:>19}"
            )
        return "\n".join(lines)

    def step_at(self, span: Span) -> int:
        """The first step that begins after this span since the start of the run."""
        if not span.is_epochs:
            return round(span.amount * self.steps / _recipe_steps(self.recipe, self.epoch))
        wanted = span.amount * self.epoch
        for phase in self.phases:
            if wanted <= phase.sample + phase.steps * phase.samples:
                return phase.first + max(math.ceil((wanted - phase.sample) / phase.samples), 0)
        return self.steps

    def is_due(self, span: Span, done: int) -> bool:
        """Whether an event that occurs every `span` is due after `done` steps."""
        if not span.is_epochs:
            return done % int(span.amount) == 0
        every = span.amount * self.epoch
        return self.samples_at(done) // every > self.samples_at(done - 1) // every

    def lr(self, step: int) -> float:
        """The learning rate of a step.

        If stages are counted in epochs, the curve is one over samples, as in recipes that change
        the rate once per epoch; otherwise it is one over steps.
        """
        optim = self.recipe.optim
        if self.recipe.stages[0].length.is_epochs:
            warmup = self.samples_at(self.step_at(optim.warmup))
            return lr_at(
                optim, self.samples_at(step), self.samples_at(step + 1), warmup, self.samples
            )
        return lr_at(optim, step, step + 1, self.step_at(optim.warmup), self.steps)


def lr_at(optim: Optimisation, begin: int, end: int, warmup: int, total: int) -> float:
    """The learning rate of a step that covers `begin` to `end` of `total`.

    >>> rising = Optimisation(lr=1.0, lr_min=0.0)
    >>> [lr_at(rising, step, step + 1, 2, 10) for step in (0, 1, 2)]
    [0.5, 1.0, 1.0]
    """
    start = max(warmup, round(optim.hold * total))
    if end <= warmup:
        return optim.lr * end / warmup
    if begin <= start:
        return optim.lr
    done = (begin - start) / max(total - start, 1)
    return optim.lr_min + (optim.lr - optim.lr_min) * (1 + math.cos(math.pi * done)) / 2


def lay_out(recipe: Recipe, *, epoch: int, processes: int) -> Schedule:
    """The plan of a recipe for a number of processes.

    As many samples are used as on the recipe's own devices. Fewer processes take several parts per
    step; if the samples of a step cannot be split evenly, a step takes a few more, and there are
    fewer steps.

    Args:
        recipe: the recipe to plan.
        epoch: samples per epoch, at least 1.
        processes: number of processes, one per device.
    """
    phases: list[Phase] = []
    for stage in recipe.stages:
        samples = stage.batch * recipe.devices
        share = math.ceil(samples / processes)
        steps = _stage_steps(stage, recipe.devices, epoch)
        steps = max(round(steps * samples / (share * processes)), 1)
        batch = _largest_divisor(share, stage.batch // stage.accumulate)
        last = phases[-1] if phases else None
        phases.append(
            Phase(
                first=last.end if last else 0,
                steps=steps,
                sample=last.sample + last.steps * last.samples if last else 0,
                patch=stage.patch,
                batch=batch,
                parts=share // batch,
                samples=share * processes,
            )
        )
    return Schedule(recipe, tuple(phases), processes, epoch)


def _stage_steps(stage: Stage, devices: int, epoch: int) -> int:
    """Steps of a stage on the recipe's own devices."""
    if not stage.length.is_epochs:
        return int(stage.length.amount)
    return max(round(stage.length.amount * epoch / (stage.batch * devices)), 1)


def _recipe_steps(recipe: Recipe, epoch: int) -> int:
    return sum(_stage_steps(stage, recipe.devices, epoch) for stage in recipe.stages)


def _largest_divisor(number: int, most: int) -> int:
    return next(size for size in range(min(most, number), 0, -1) if number % size == 0)
