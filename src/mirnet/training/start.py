"""From a recipe and a machine to a run: set up data, devices, schedule and logs, then train."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from mirnet.pairs import sources
from mirnet.pairs.pairs import Pairs
from mirnet.training import checkpoint, loader, logs
from mirnet.training.devices import is_first, open_fabric
from mirnet.training.loop import LAST, StepProgress, Training, log_progress
from mirnet.training.recipe import Recipe
from mirnet.training.samples import photographs
from mirnet.training.samples.dataset import TrainingData
from mirnet.training.samples.developing import DEVELOP
from mirnet.training.samples.tasks import TASKS
from mirnet.training.schedule import lay_out
from mirnet.training.state import look_for_weights, set_up
from mirnet.training.summary import RunSummary

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """Options of the machine, which change the weights only by rounding."""

    accelerator: str = "auto"
    """In Fabric's terms: auto, cpu, cuda."""
    devices: int | None = None
    """Devices per machine; None for all GPUs, or one process on the CPU."""
    nodes: int | None = None
    """Number of machines; None for the number set by torchrun or SLURM, or one."""
    workers: int = 0
    """Processes that prepare the data of each device; 0 to prepare it in the training process."""
    resume: Path | None = None
    """Checkpoint to resume from; None for the last one in the output folder, if there is one."""
    seconds: float = math.inf
    """Stop after this time with a checkpoint, from which the next call resumes."""
    viewers: Sequence[str] = ("tensorboard",)
    """Viewers for which logs are written; see `mirnet.training.logs`."""


def train(
    recipe: Recipe,
    output: Path,
    options: Options = Options(),
    *,
    observe: Callable[[StepProgress], None] = log_progress,
) -> RunSummary:
    """Train by `recipe`, or resume if `output` contains an earlier run.

    Besides checkpoints, the folder gets `metrics.csv`, the viewers' files, and at the end
    `curves.png` and `summary.json`.

    Args:
        recipe: the recipe to train.
        output: folder for checkpoints and logs; created if missing.
        options: devices, time limit and the like.
        observe: called after every step, in the first process.

    Raises:
        RecipeError: if the recipe or the options ask for something unavailable, if a batch does not
            fit into memory, or if `output` holds a run of another network or of other stages.
        DataError, ImageError: if photographs or pairs are missing, unlike or damaged.
        WeightsError: if `output` cannot be written or another run is in it, or a checkpoint cannot
            be read.
        RuntimeMissingError: if a viewer's package is not installed.
        DivergedError: if the loss is not finite.
        KeyboardInterrupt: after SIGINT or SIGTERM, once the step at hand is finished and saved.
    """
    deadline = time.monotonic() + options.seconds
    logs.check(options.viewers)
    look_for_weights(recipe)
    checkpoint.claim(output)
    # the others of this run share the first process's claim
    with checkpoint.claimed(output) if is_first() else nullcontext():
        return _train(recipe, output, options, deadline, observe)


def _train(
    recipe: Recipe,
    output: Path,
    options: Options,
    deadline: float,
    observe: Callable[[StepProgress], None],
) -> RunSummary:
    data, held_out = open_data(recipe)
    fabric = open_fabric(options.accelerator, options.devices, options.nodes, recipe.precision)
    fabric.launch()
    plan = lay_out(recipe, epoch=data.epoch, processes=fabric.world_size)
    state = set_up(fabric, recipe)
    start = options.resume or output / LAST
    if options.resume or start.exists():
        state.resume(start, plan)
        if start.parent.resolve() != output.resolve():  # the best weights stay in the old folder
            state.best, state.best_step = -math.inf, None
        log.info("resumed at step %d of %d", state.step, plan.steps)
    rank = fabric.global_rank
    requests, pin = plan.all_requests(rank, state.step), fabric.device.type == "cuda"
    batches = loader.load(data, requests, workers=options.workers, pin=pin)
    viewers = None if rank else options.viewers
    with logs.open(output, viewers=viewers, step=state.step) as written:
        training = Training(plan, output, held_out, state, written, DEVELOP[recipe.task](recipe))
        return training.fit(batches, deadline, _nothing if rank else observe)


def describe(recipe: Recipe, options: Options) -> str:
    """Describe each stage on these devices as a table; checks that `train` has all it needs.

    Raises:
        RecipeError, DataError, ImageError, WeightsError: as `train` does.
    """
    look_for_weights(recipe)
    data, _ = open_data(recipe)
    fabric = open_fabric(options.accelerator, options.devices, options.nodes, recipe.precision)
    return str(lay_out(recipe, epoch=data.epoch, processes=fabric.world_size))


def open_data(recipe: Recipe) -> tuple[TrainingData, Pairs | None]:
    """Open the training and validation data of the recipe, and check them before the first step.

    Raises:
        DataError, ImageError: as `train` does.
    """
    at, held_out, scale = recipe.data, recipe.validation.pairs, recipe.scale
    views = TASKS[recipe.task].views
    # photographs take the longest, and missing data should be reported at once
    validation = sources.open(Path(held_out), scale, views) if held_out else None
    pairs = sources.open(Path(at.pairs), scale, views) if at.pairs else None
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
        scale=scale,
    )
    if data.pairs:
        data.pairs.check(max(stage.patch for stage in recipe.stages))
    return data, validation


def _nothing(progress: StepProgress) -> None:
    pass
