"""The training loop, on Lightning Fabric: set up, step, validate, save.

Everything that happens at a step is a function of the step's number (its batch, its stage, its
learning rate), so resuming is loading a checkpoint and going on counting.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from torch import Tensor

from mirnet.data import dataset
from mirnet.errors import DataError, MirnetError, RecipeError
from mirnet.runtimes.pytorch import NO_MEMORY
from mirnet.training import checkpoint, interruption, validation
from mirnet.training.recipe import Optimisation, Recipe, Stage
from mirnet.training.run import Run, set_up
from mirnet.training.schedule import lr_at, stage_at

log = logging.getLogger(__name__)

LAST, BEST = "last.ckpt", "best.ckpt"
LOG_EVERY = 50


class DivergedError(MirnetError):
    """The loss or its gradient is no finite number any more; the last checkpoint is from before."""


@dataclass(frozen=True)
class Progress:
    """How a run stands after a step."""

    step: int
    """Steps done, of `steps`."""
    steps: int
    stage: Stage
    lr: float
    loss: float
    """Mean of the last `LOG_EVERY` steps, as is the speed."""
    pixels_per_second: float
    psnr: float | None
    """Of the last validation, in dB."""


def log_progress(progress: Progress) -> None:
    """A line every `LOG_EVERY` steps."""
    if progress.step % LOG_EVERY == 0:
        log.info(
            "step %d/%d  loss %.5f  lr %.2e  %.1f kpx/s",
            *(progress.step, progress.steps, progress.loss, progress.lr),
            progress.pixels_per_second / 1e3,
        )


def train(
    recipe: Recipe,
    output: Path,
    *,
    seconds: float | None = None,
    accelerator: str = "auto",
    observe: Callable[[Progress], None] = log_progress,
) -> Path:
    """Train by `recipe`, or go on where `output` shows an earlier run; return the last checkpoint.

    Args:
        recipe: what to train on what.
        output: folder for checkpoints and logs; made if missing.
        seconds: stop after this time, with a checkpoint; the next call goes on.
        accelerator: as Fabric names it: auto, cpu, cuda.
        observe: called after every step.

    Raises:
        RecipeError: if the recipe or `accelerator` asks for what there is not, if a batch does not
            fit into memory, or if `output` holds a run of another network.
        DataError, ImageError: if photographs or pairs are missing, unlike or damaged.
        WeightsError: if `output` cannot be written, or its checkpoint not be read.
        DivergedError: if the loss is not finite.
        KeyboardInterrupt: after SIGINT or SIGTERM, once the step at hand is finished and saved.
    """
    deadline = time.monotonic() + (math.inf if seconds is None else seconds)
    checkpoint.claim(output)
    logger = TensorBoardLogger(output, name="", version="logs")
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=1,
            precision=recipe.precision,  # type: ignore[arg-type]
            loggers=logger,
        )
    except (ValueError, RuntimeError, ImportError) as error:
        raise RecipeError(f"cannot train on {accelerator!r}: {error}") from None
    fabric.launch()
    run = set_up(fabric, recipe)
    training = Training(fabric, recipe, output, *_load(recipe), run)
    last = output / LAST
    if last.exists():
        run.resume(last)
        log.info("resumed at step %d of %d", run.step, recipe.steps)
    try:
        training.fit(deadline, observe)
    finally:
        logger.finalize("")
    return last


def _load(recipe: Recipe) -> tuple[dataset.DenoisingData, Sequence[dataset.Pair]]:
    """Training data and validation pairs, checked before the first step asks for them."""
    data = dataset.load(
        Path(recipe.data.photographs) if recipe.data.photographs else None,
        real_pairs=Path(recipe.data.pairs) if recipe.data.pairs else None,
        real_share=recipe.data.real_share,
        seed=recipe.seed,
    )
    largest = max(stage.patch for stage in recipe.stages)
    smallest = min((min(noisy.shape[1:]) for noisy, _ in data.real_pairs), default=largest)
    if smallest < largest:
        raise DataError(
            f"{recipe.data.pairs} holds a picture of {smallest} pixels a side, where the recipe "
            f"wants patches of {largest}"
        )
    folder = recipe.validation.pairs
    return data, dataset.load_pairs(Path(folder)) if folder else []


@dataclass
class Training:
    """A run with all that it needs."""

    fabric: Fabric
    recipe: Recipe
    output: Path
    data: dataset.DenoisingData
    validation_pairs: Sequence[dataset.Pair]
    run: Run
    psnr: float | None = None

    def fit(self, deadline: float, observe: Callable[[Progress], None]) -> None:
        """Step until the recipe's end, a time of `time.monotonic` or an interruption; then save."""
        run, recipe = self.run, self.recipe
        recent: deque[tuple[float, int, float]] = deque(maxlen=LOG_EVERY)
        with interruption.postponed() as is_interrupted:
            while run.step < recipe.steps and time.monotonic() < deadline and not is_interrupted():
                began, stage = time.monotonic(), stage_at(recipe.stages, run.step)
                lr = lr_at(recipe.optim, run.step, recipe.steps)
                loss = self._step(stage, lr)
                recent.append((loss, stage.batch * stage.patch**2, time.monotonic() - began))
                if run.step % recipe.validation.every == 0 or run.step == recipe.steps:
                    self._validate()
                losses, pixels, seconds = (sum(column) for column in zip(*recent, strict=True))
                mean = losses / len(recent)
                progress = Progress(
                    run.step, recipe.steps, stage, lr, mean, pixels / seconds, self.psnr
                )
                if run.step % LOG_EVERY == 0:
                    self._log(loss=mean, lr=lr, pixels_per_second=progress.pixels_per_second)
                observe(progress)
            checkpoint.save(run.state(recipe), self.output / LAST)
            if is_interrupted():
                raise KeyboardInterrupt

    def _step(self, stage: Stage, lr: float) -> float:
        """One update; returns the loss."""
        try:
            noisy, clean = self.data.batch(
                self.run.step, count=stage.batch, patch=stage.patch, device=self.fabric.device
            )
            return self._update(noisy.to(memory_format=torch.channels_last), clean, lr)
        except (RuntimeError, MemoryError) as error:
            if not _is_for_want_of_memory(error):
                raise
            raise RecipeError(
                f"{stage.batch} patches of {stage.patch}x{stage.patch} pixels do not fit into the "
                f"memory at step {self.run.step}: lower batch or patch of that stage; the last "
                "checkpoint is whole"
            ) from error

    def _update(self, noisy: dataset.Patches, clean: dataset.Patches, lr: float) -> float:
        run, optim = self.run, self.recipe.optim
        for group in run.optimizer.param_groups:
            group.update(lr=lr, weight_decay=optim.weight_decay)
        loss = charbonnier(run.network(noisy), clean, optim)
        self._check("loss", loss)
        run.optimizer.zero_grad()
        self.fabric.backward(loss)
        norm = self.fabric.clip_gradients(
            run.network, run.optimizer, max_norm=optim.clip or math.inf, error_if_nonfinite=False
        )
        if norm is not None and self.recipe.precision != "16-mixed":  # its scaler skips the step
            self._check("gradient's norm", norm)
        run.optimizer.step()
        run.averaged.update_parameters(run.network)
        run.step += 1
        return loss.item()

    def _check(self, what: str, value: Float[Tensor, ""]) -> None:
        if not torch.isfinite(value):
            raise DivergedError(
                f"the {what} is {value.item()} at step {self.run.step}: lower optim.lr or set "
                "optim.clip, then start again from the last checkpoint"
            )

    def _validate(self) -> None:
        """Measure the averaged weights, and save; the best ones a second time."""
        run, is_best = self.run, False
        if self.validation_pairs:
            self.psnr = validation.mean_psnr(
                run.averaged.module, self.validation_pairs, self.fabric.device
            )
            log.info("step %d  validation PSNR %.3f dB", run.step, self.psnr)
            self._log(psnr=self.psnr)
            is_best = self.psnr > run.best
            run.best = max(self.psnr, run.best)
        state = run.state(self.recipe)
        checkpoint.save(state, self.output / LAST)
        if is_best:
            checkpoint.save(state, self.output / BEST)

    def _log(self, **values: float) -> None:
        self.fabric.log_dict(values, step=self.run.step)


def charbonnier(
    restored: Float[Tensor, "b c h w"], clean: Float[Tensor, "b c h w"], optim: Optimisation
) -> Float[Tensor, ""]:
    """The mean of sqrt(difference² + epsilon²), on the unclipped output.

    Clipping first would leave no gradient where the network overshoots.
    """
    return ((restored.float() - clean) ** 2 + optim.charbonnier**2).sqrt().mean()


def _is_for_want_of_memory(error: Exception) -> bool:
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or any(phrase in str(error) for phrase in NO_MEMORY)
