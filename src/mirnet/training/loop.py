"""The training loop, on Lightning Fabric: step, validate, log, save.

Everything that happens at a step is a function of the step's number (its samples, its stage, its
learning rate), so resuming means loading a checkpoint and continuing to count.
"""

import contextlib
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from mirnet.aliases import renamed
from mirnet.errors import DataError, DivergedError, RecipeError
from mirnet.models import catalog
from mirnet.pairs.pairs import Pairs
from mirnet.runtimes.pytorch import NO_MEMORY
from mirnet.training import checkpoint, curves, interruption, logs, validation
from mirnet.training.devices import reduced
from mirnet.training.loss import charbonnier, minus_psnr
from mirnet.training.samples.dataset import SampleBatch, TensorPatches
from mirnet.training.samples.developing import Develop, Inputs
from mirnet.training.schedule import Phase, Schedule
from mirnet.training.state import State
from mirnet.training.summary import SUMMARY, RunSummary
from mirnet.training.validation import ValidationScores

log = logging.getLogger(__name__)

LAST, BEST = catalog.LAST, catalog.BEST
LOG_EVERY = 50
"""Steps between lines of the log; the first step has one, too. Curves: see `logs.is_due`."""


@dataclass(frozen=True)
class StepProgress:
    """State of a run after a step."""

    step: int
    """Steps done."""
    plan: Schedule
    """The whole schedule."""
    lr: float
    loss: float
    """Mean of the last `LOG_EVERY` steps, like the speed."""
    patches_per_second: float
    """Total of all processes."""
    scores: ValidationScores | None
    """Scores of the last validation."""


def log_progress(progress: StepProgress) -> None:
    """Log a line for the first step, and for every `LOG_EVERY` steps."""
    if progress.step == 1 or progress.step % LOG_EVERY == 0:
        log.info(
            "step %d/%d  loss %.5f  lr %.2e  %.1f patches/s",
            *(progress.step, progress.plan.steps, progress.loss, progress.lr),
            progress.patches_per_second,
        )


@dataclass
class Training:
    """A run with everything it needs."""

    plan: Schedule
    output: Path
    held_out: Pairs | None
    state: State
    logs: logs.Logs
    develop: Develop
    """Makes inputs and targets, depending on the task."""
    recent: deque[tuple[float, int, float]] = field(
        default_factory=lambda: deque(maxlen=LOG_EVERY), init=False
    )
    """Loss, patches and seconds of the last steps."""
    unlogged: list[tuple[float, int, float]] = field(default_factory=list, init=False)
    """The same of the steps since the last point of the curves."""

    @property
    def fabric(self) -> Fabric:
        """Fabric of the state."""
        return self.state.fabric

    def fit(
        self,
        batches: Iterator[SampleBatch],
        deadline: float,
        observe: Callable[[StepProgress], None],
    ) -> RunSummary:
        """Train until the end of the schedule, a time of `time.monotonic` or an interruption; save.

        If there is no best validation yet, the weights are validated before the first step.
        """
        state, plan = self.state, self.plan
        is_over, is_interrupted = False, False
        with interruption.postponed() as was_interrupted:
            if self.held_out and state.best_step is None:
                began = time.monotonic()
                self._validate(self.held_out)
                state.seconds += time.monotonic() - began
            while state.step < plan.steps and not is_over:
                began, phase, lr = time.monotonic(), plan.phase(state.step), plan.lr(state.step)
                ends = torch.tensor([time.monotonic() >= deadline, was_interrupted()])
                loss, ends = self._step(batches, phase, lr, ends.to(self.fabric.device))
                is_over, is_interrupted = bool(ends.any()), bool(ends[1])
                measured = loss, phase.samples, time.monotonic() - began
                self.recent.append(measured)
                self.unlogged.append(measured)
                self._record(lr, observe)
                state.seconds += time.monotonic() - began
            self._save(LAST)
            summary = self._conclude()
            self.fabric.barrier()  # no process leaves before everything is written
            if is_interrupted or was_interrupted():
                raise KeyboardInterrupt
            return summary

    def _step(
        self, batches: Iterator[SampleBatch], phase: Phase, lr: float, ends: Tensor
    ) -> tuple[float, Tensor]:
        """Do one update; returns the loss, and the flags of all processes on stopping."""
        try:
            return self._update(batches, phase, lr, ends)
        except (RuntimeError, MemoryError) as error:
            if not _is_for_want_of_memory(error):
                raise
            raise RecipeError(
                f"{phase.batch} patches of {phase.patch}x{phase.patch} pixels do not fit into the "
                f"memory at step {self.state.step}: lower batch or patch of that stage, raise its "
                "accumulate, or set recompute=true or precision=bf16-mixed; the last checkpoint is "
                "intact"
            ) from error

    def _update(
        self, batches: Iterator[SampleBatch], phase: Phase, lr: float, ends: Tensor
    ) -> tuple[float, Tensor]:
        state, recipe = self.state, self.plan.recipe
        for group in state.optimizer.param_groups:
            group.update(lr=lr, weight_decay=recipe.optim.weight_decay)
        state.optimizer.zero_grad()
        total = torch.zeros((), device=self.fabric.device)
        for part in range(phase.parts):
            inputs, targets = self.develop(next(batches), self.fabric.device)
            is_last = part == phase.parts - 1
            with self.fabric.no_backward_sync(state.module, enabled=not is_last):
                loss = self._loss(inputs, targets) / phase.parts
                self.fabric.backward(loss)
            total += loss.detach()
        everyone = reduced(self.fabric, torch.cat([total[None], ends.float()]), "mean")
        self._check("loss", everyone[0])
        norm = self.fabric.clip_gradients(
            state.module,
            state.optimizer,
            max_norm=recipe.optim.clip or math.inf,
            error_if_nonfinite=False,
        )
        if norm is not None and recipe.precision != "16-mixed":  # its scaler skips the step
            self._check("gradient's norm", norm)
        state.optimizer.step()
        state.averaged.update_parameters(state.network)
        state.step += 1
        return everyone[0].item(), everyone[1:] > 0

    def _loss(self, inputs: Inputs, targets: TensorPatches) -> Float[Tensor, ""]:
        """Distance of the network's output from the truth, and from its teacher's, if any."""
        state = self.state
        inputs = inputs.to(memory_format=torch.channels_last)
        restored = state.module(inputs)
        loss = self._distance(restored, targets)
        if not state.teacher:
            return loss
        with torch.no_grad(), self.fabric.autocast():
            taught = state.teacher(inputs).float()
        distance = self._distance(restored, taught)
        return torch.lerp(loss, distance, self.plan.recipe.teacher.share)

    def _distance(self, restored: TensorPatches, wanted: TensorPatches) -> Float[Tensor, ""]:
        optim = self.plan.recipe.optim
        if optim.loss == "psnr":
            return minus_psnr(restored, wanted, optim.shadows)
        return charbonnier(restored, wanted, optim.charbonnier)

    def _check(self, what: str, value: Float[Tensor, ""]) -> None:
        if not torch.isfinite(value):
            raise DivergedError(
                f"the {what} is {value.item()} at step {self.state.step}: lower optim.lr or set "
                "optim.clip, then resume from the last checkpoint"
            )

    def _record(self, lr: float, observe: Callable[[StepProgress], None]) -> None:
        """Validate, log and save whatever is due after a step."""
        plan, done = self.plan, self.state.step
        if logs.is_due(done):
            loss, speed = _means(self.unlogged)
            self.unlogged.clear()
            self.logs.scalars(done, loss=loss, lr=lr, patches_per_second=speed)
        is_measured = plan.is_due(plan.recipe.validation.every, done) or done == plan.steps
        if self.held_out and is_measured:
            self._validate(self.held_out)
        elif plan.is_due(plan.recipe.save_every, done):
            self._save(LAST)
        loss, speed = _means(self.recent)
        observe(StepProgress(done, plan, lr, loss, speed, self.state.scores))

    def _validate(self, pairs: Pairs) -> None:
        """Validate the averaged weights, and save; the best weights are also saved as such."""
        state = self.state
        pictures = self.plan.recipe.validation.pictures
        scores, samples = validation.measure(state.averages, pairs, self.fabric, pictures=pictures)
        state.scores = scores
        log.info("step %d  PSNR %.3f dB  SSIM-Y %.4f", state.step, scores.psnr, scores.ssim_y)
        self.logs.scalars(state.step, psnr=scores.psnr, ssim_y=scores.ssim_y)
        for sample in samples:
            self.logs.pictures(state.step, sample.name, sample.image)
        is_best = state.best_step is None or scores.psnr > state.best
        if is_best:
            state.best, state.best_step = scores.psnr, state.step
        self._save(LAST)
        if is_best:
            self._save(BEST)

    def _conclude(self) -> RunSummary:
        """Summarise the run; the summary is also written to disk, and the curves are drawn."""
        state, device = self.state, self.fabric.device
        has_best, scores = state.best_step is not None, state.scores
        is_gpu = device.type == "cuda"
        summary = RunSummary(
            steps=state.step,
            samples=self.plan.samples_at(state.step),
            seconds=state.seconds,
            processes=self.fabric.world_size,
            device=torch.cuda.get_device_name(device) if is_gpu else device.type,
            last=self.output / LAST,
            best=self.output / BEST if has_best else None,
            best_psnr=state.best if has_best else None,
            best_step=state.best_step,
            psnr=scores.psnr if scores else None,
            ssim_y=scores.ssim_y if scores else None,
        )
        if self.fabric.is_global_zero:
            summary.write(self.output / SUMMARY)
            borders = [phase.first for phase in self.plan.phases[1:] if phase.first <= state.step]
            with contextlib.suppress(DataError):  # a short run has nothing to draw
                curves.draw(self.output, borders=borders)
        return summary

    def _save(self, name: str) -> None:
        if self.fabric.is_global_zero:
            checkpoint.save(self.state.to_save(self.plan), self.output / name)


def _means(measured: Collection[tuple[float, int, float]]) -> tuple[float, float]:
    """Mean loss, and patches per second, of steps with their loss, patches and seconds."""
    losses, patches, seconds = (sum(column) for column in zip(*measured, strict=True))
    return losses / len(measured), patches / seconds


def _is_for_want_of_memory(error: Exception) -> bool:
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or any(phrase in str(error) for phrase in NO_MEMORY)


__getattr__ = renamed(__name__, {"TrainingProgress": "StepProgress"})
