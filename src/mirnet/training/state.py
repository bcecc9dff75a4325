"""The state of a run: network, its average, optimizer and step; saved to and loaded from disk.

Checkpoints contain only tensors and plain values.
"""

import math
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint as recomputed

from mirnet.errors import RecipeError
from mirnet.models import catalog
from mirnet.models.checkpoint import read
from mirnet.models.mirnetv2 import network
from mirnet.models.mirnetv2.network import Configuration, MIRNetV2, MultiScaleBlock
from mirnet.training import checkpoint
from mirnet.training.averaging import average
from mirnet.training.recipe import Recipe
from mirnet.training.samples.tasks import TASKS
from mirnet.training.schedule import Schedule
from mirnet.training.validation import ValidationScores


@dataclass
class State:
    """Everything that changes during training."""

    fabric: Fabric
    network: MIRNetV2
    """The network with the current weights."""
    module: _FabricModule
    """The network as it is called: on several devices, in lower precision, compiled."""
    averaged: AveragedModel
    teacher: MIRNetV2 | None
    """Network whose results are additional targets; it does not change."""
    optimizer: torch.optim.Optimizer
    step: int = 0
    """Steps done."""
    best: float = -math.inf
    """Highest validation PSNR so far, in dB."""
    best_step: int | None = None
    """Step of the best validation; None if there was none, and no best checkpoint was saved."""
    scores: ValidationScores | None = None
    """Scores of the last validation."""
    seconds: float = 0.0
    """Time spent on steps, in all starts of the run together."""

    @property
    def averages(self) -> MIRNetV2:
        """The network with the averaged weights."""
        network = self.averaged.module
        assert isinstance(network, MIRNetV2)
        return network

    def to_save(self, plan: Schedule) -> dict[str, Any]:
        """The contents of a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "ema": self.averaged.module.state_dict(),
            "averages": self.averaged.n_averaged,
            "optimizer": self.optimizer.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
            "step": self.step,
            "samples": plan.samples_at(self.step),
            "best": self.best,
            "best_step": self.best_step,
            "scores": tuple(self.scores) if self.scores else None,
            "seconds": self.seconds,
            "configuration": _plain(asdict(configuration(plan.recipe))),
            "facts": {"task": plan.recipe.task, "recipe": _recorded(plan.recipe)},
        }

    def resume(self, path: Path, plan: Schedule) -> None:
        """Restore the state from the checkpoint `path`.

        Raises:
            WeightsError: if it is no whole checkpoint.
            RecipeError: if it is of another network, or of other stages up to here.
        """
        saved = checkpoint.load(path)
        try:
            self.network.load_state_dict(saved["network"])
            self.averaged.module.load_state_dict(saved["ema"])
            self.averaged.n_averaged.copy_(saved["averages"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.fabric.strategy.precision.load_state_dict(saved["precision"])
            self.step, seen = saved["step"], saved["samples"]
            self.scores = ValidationScores(*saved["scores"]) if saved["scores"] else None
            if self.scores:  # older checkpoints without scores say that 0 dB is the best
                self.best, self.best_step = saved["best"], saved["best_step"]
            self.seconds = saved["seconds"]
        except (KeyError, TypeError, ValueError, RuntimeError):
            raise RecipeError(
                f"{path} belongs to another network than the recipe's: choose another output folder"
            ) from None
        if plan.samples_at(self.step) != seen:
            raise RecipeError(
                f"{path} has seen {seen} samples in {self.step} steps, where this plan would have "
                f"seen {plan.samples_at(self.step)}: use the stages and devices it started with"
            )


def set_up(fabric: Fabric, recipe: Recipe) -> State:
    """The state of a run at step 0 on the device of `fabric`.

    The initial weights are those that the recipe names, or random ones from its seed.

    Raises:
        RecipeError: if there is no such network, or the weights are of another one.
        WeightsError: if the weights cannot be read.
    """
    fabric.seed_everything(recipe.seed, verbose=False)
    # channels-last halves the time of a step with bfloat16 on a CPU, and helps on a GPU
    network = _first(recipe).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = average(network, recipe.optim.ema)
    optim = recipe.optim
    kind = torch.optim.Adam if optim.optimizer == "adam" else torch.optim.AdamW
    optimizer = kind(network.parameters(), lr=optim.lr, weight_decay=optim.weight_decay)
    if recipe.recompute:
        for block in network.modules():
            if isinstance(block, MultiScaleBlock):
                forward = partial(recomputed, block.forward, use_reentrant=False)
                block.forward = forward  # type: ignore[method-assign]
    called: nn.Module = network
    if recipe.compile:
        called = torch.compile(network, dynamic=False)  # type: ignore[assignment]
    module, wrapped = fabric.setup(called, optimizer)
    teacher = _teacher(recipe, fabric.device)
    return State(fabric, network, module, averaged.to(fabric.device), teacher, wrapped)


def look_for_weights(recipe: Recipe) -> None:
    """Check that the network, its initial weights and the teacher exist.

    Raises:
        RecipeError: if there is no such network, or the weights are of another one.
        WeightsError: if weights cannot be read.
    """
    _first(recipe)
    _teacher(recipe, torch.device("cpu"))


def _first(recipe: Recipe) -> MIRNetV2:
    """The network with its initial weights."""
    wanted = configuration(recipe)
    if not recipe.weights:
        try:
            return wanted.network()
        except ValueError as error:
            raise RecipeError(f"no network can be built from {wanted}: {error}") from None
    weights = read(catalog.file(recipe.weights))
    if weights.configuration != wanted:
        raise RecipeError(
            f"{recipe.weights} is of {weights.configuration}, and the recipe wants {wanted}: "
            "change preset or network"
        )
    return weights.network().train()


def _teacher(recipe: Recipe, device: torch.device) -> MIRNetV2 | None:
    if not recipe.teacher.weights:
        return None
    network = read(catalog.file(recipe.teacher.weights)).network().requires_grad_(False)
    if network.configuration.scale != recipe.scale:
        raise RecipeError(
            f"teacher.weights enlarge {network.configuration.scale} times, the recipe's network "
            f"{recipe.scale} times: choose a teacher of the same scale"
        )
    if network.configuration.in_channels != TASKS[recipe.task].in_channels:
        raise RecipeError(
            f"teacher.weights take {network.configuration.in_channels} channels, the recipe's "
            f"network {TASKS[recipe.task].in_channels}: choose a teacher of the same task"
        )
    teacher: MIRNetV2 = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return teacher


def configuration(recipe: Recipe) -> Configuration:
    """The configuration of the network that the recipe names or describes."""
    if recipe.network is not None:
        described = recipe.network
        # as for any weights: adding the input to the output needs equal channel counts
        is_residual = described.in_channels == described.out_channels
        return Configuration(**asdict(described), residual=is_residual)
    if recipe.preset not in network.PRESETS:
        raise RecipeError(f"preset {recipe.preset!r} is not one of {', '.join(network.PRESETS)}")
    return network.PRESETS[recipe.preset]


def _recorded(recipe: Recipe) -> dict[str, Any]:
    """The recipe as stored with the weights: folders by their names, without their paths."""
    table: dict[str, Any] = _plain(asdict(recipe))
    data, validation, teacher = (table[section] for section in ("data", "validation", "teacher"))
    for section, key in (
        (table, "weights"),
        (data, "photographs"),
        (data, "pairs"),
        (validation, "pairs"),
        (teacher, "weights"),
    ):
        section[key] = Path(section[key]).name
    return table


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a recipe
    """As in TOML and JSON: lists for tuples, and None left out."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value  # text that checks itself is text
