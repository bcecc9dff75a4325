"""From a recipe and a machine to a run: data, devices, plan and logs, and then the loop."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirnet.pairs import sources
from mirnet.pairs.pairs import Pairs
from mirnet.training import checkpoint, loader, logs
from mirnet.training.devices import open_fabric
from mirnet.training.loop import LAST, Training, TrainingProgress, log_progress
from mirnet.training.recipe import Recipe
from mirnet.training.samples import photographs
from mirnet.training.samples.dataset import DEVELOP, TrainingData
from mirnet.training.schedule import lay_out
from mirnet.training.state import look_for_weights, set_up
from mirnet.training.summary import RunSummary

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What the machine decides and the weights do not depend on, but for rounding."""

    accelerator: str = "auto"
    """As Fabric names it: auto, cpu, cuda."""
    devices: int | None = None
    """A machine; None for all GPUs, or one process on the CPU."""
    nodes: int | None = None
    """Machines; None for what torchrun or SLURM says, or one."""
    workers: int = 0
    """Processes that prepare the data of each device; 0 to do it in the same process."""
    resume: Path | None = None
    """A checkpoint to go on from; None for the last one in the output folder, if there is one."""
    seconds: float = math.inf
    """Stop after this time, with a checkpoint; the next call goes on."""
    viewers: Sequence[str] = ("tensorboard",)
    """Programs that the logs are written for; see `mirnet.training.logs`."""


def train(
    recipe: Recipe,
    output: Path,
    options: Options = Options(),
    *,
    observe: Callable[[TrainingProgress], None] = log_progress,
) -> RunSummary:
    """Train by `recipe`, or go on where `output` shows an earlier run.

    Beside the checkpoints the folder gets `metrics.csv`, what the viewers read, and at the end
    `curves.png` and `summary.json`.

    Args:
        recipe: what to train on what.
        output: folder for checkpoints and logs; made if missing.
        options: devices, time and the like.
        observe: called after every step, on the first process.

    Raises:
        RecipeError: if the recipe or the options ask for what there is not, if a batch does not
            fit into memory, or if `output` holds a run of another network or of other stages.
        DataError, ImageError: if photographs or pairs are missing, unlike or damaged.
        WeightsError: if `output` cannot be written, or a checkpoint not be read.
        RuntimeMissingError: if a viewer's package is not installed.
        DivergedError: if the loss is not finite.
        KeyboardInterrupt: after SIGINT or SIGTERM, once the step at hand is finished and saved.
    """
    deadline = time.monotonic() + options.seconds
    logs.check(options.viewers)
    look_for_weights(recipe)
    checkpoint.claim(output)
    data, held_out = open_data(recipe)
    fabric = open_fabric(options.accelerator, options.devices, options.nodes, recipe.precision)
    fabric.launch()
    plan = lay_out(recipe, epoch=data.epoch, processes=fabric.world_size)
    state = set_up(fabric, recipe)
    start = options.resume or output / LAST
    if options.resume or start.exists():
        state.resume(start, plan)
        if start.parent.resolve() != output.resolve():  # where the best weights stay behind
            state.best, state.best_step = -math.inf, None
        log.info("resumed at step %d of %d", state.step, plan.steps)
    rank = fabric.global_rank
    requests, pin = plan.all_requests(rank, state.step), fabric.device.type == "cuda"
    batches = loader.load(data, requests, workers=options.workers, pin=pin)
    viewers = None if rank else options.viewers
    with logs.open(output, viewers=viewers, step=state.step) as written:
        training = Training(plan, output, held_out, state, written, DEVELOP[recipe.task])
        return training.fit(batches, deadline, _nothing if rank else observe)


def describe(recipe: Recipe, options: Options) -> str:
    """What each stage would do on these devices, as a table; whatever `train` needs is looked for.

    Raises:
        RecipeError, DataError, ImageError, WeightsError: as `train` does.
    """
    look_for_weights(recipe)
    data, _ = open_data(recipe)
    fabric = open_fabric(options.accelerator, options.devices, options.nodes, recipe.precision)
    return str(lay_out(recipe, epoch=data.epoch, processes=fabric.world_size))


def open_data(recipe: Recipe) -> tuple[TrainingData, Pairs | None]:
    """What the recipe learns from and is measured on, checked before the first step asks for it.

    Raises:
        DataError, ImageError: as `train` does.
    """
    at, held_out = recipe.data, recipe.validation.pairs
    # photographs take the longest, and what is not there is to be told at once
    validation = sources.open(Path(held_out)) if held_out else None
    pairs = sources.open(Path(at.pairs)) if at.pairs else None
    data = TrainingData(
        photographs.load(Path(at.photographs)) if at.photographs else [],
        pairs,
        real_share=at.real_share,
        drawn_share=at.drawn_share,
        field_share=at.field_share,
        seed=recipe.seed,
        mixup=at.mixup,
        amplify=at.amplify,
        amplify_apart=at.amplify_apart,
        scenes=recipe.scenes,
        drawings=recipe.drawings,
        camera=recipe.camera,
    )
    if data.pairs:
        data.pairs.check(max(stage.patch for stage in recipe.stages))
    return data, validation


def _nothing(progress: TrainingProgress) -> None:
    pass
