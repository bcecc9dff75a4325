"""What changes while training: network, its average, optimiser and step; to and from a checkpoint.

Checkpoints hold tensors and plain values only.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mirnet import network
from mirnet.errors import RecipeError
from mirnet.network import Configuration, MIRNetV2
from mirnet.training import checkpoint
from mirnet.training.recipe import Recipe
from mirnet.weights import catalog
from mirnet.weights.checkpoint import read


@dataclass
class Run:
    """What changes while training."""

    network: nn.Module
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer
    step: int = 0
    """Steps done."""
    best: float = 0.0
    """Highest validation PSNR so far, in dB."""

    def state(self, recipe: Recipe) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "network": self.network.state_dict(),
            "ema": self.averaged.module.state_dict(),
            "averages": self.averaged.n_averaged,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "best": self.best,
            "configuration": _plain(asdict(configuration(recipe))),
            "facts": {"task": recipe.task, "recipe": _recorded(recipe)},
        }

    def resume(self, path: Path) -> None:
        """Go back to what the checkpoint `path` holds.

        Raises:
            WeightsError: if it is no whole checkpoint.
            RecipeError: if it is of another network.
        """
        state = checkpoint.load(path)
        try:
            self.network.load_state_dict(state["network"])
            self.averaged.module.load_state_dict(state["ema"])
            self.averaged.n_averaged.copy_(state["averages"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.best = state["step"], state["best"]
        except (KeyError, TypeError, ValueError, RuntimeError):
            raise RecipeError(
                f"{path} is of another network than the recipe's: choose another output folder"
            ) from None


def set_up(fabric: Fabric, recipe: Recipe) -> Run:
    """A run at step 0 on the device of `fabric`.

    The first weights are the ones that the recipe names, or random ones of its seed.

    Raises:
        RecipeError: if there is no such network, or the weights are of another one.
        WeightsError: if the weights cannot be read.
    """
    fabric.seed_everything(recipe.seed, verbose=False)
    net = _first(recipe)
    # channels-last halves the time of a step with bfloat16 on a CPU, and helps on a GPU
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = AveragedModel(
        net,
        multi_avg_fn=get_ema_multi_avg_fn(recipe.optim.ema),  # type: ignore[no-untyped-call]
    )
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=recipe.optim.lr, weight_decay=recipe.optim.weight_decay
    )
    module, wrapped = fabric.setup(net, optimizer)
    return Run(module, averaged.to(fabric.device), wrapped)


def _first(recipe: Recipe) -> MIRNetV2:
    """The network as the run begins with it."""
    wanted = configuration(recipe)
    if not recipe.weights:
        try:
            return wanted.network()
        except ValueError as error:
            raise RecipeError(f"there is no network of {wanted}: {error}") from None
    model = catalog.find(recipe.weights)
    weights = read(model.weights() if model else recipe.weights)
    if weights.configuration != wanted:
        raise RecipeError(
            f"{recipe.weights} is of {weights.configuration}, and the recipe wants {wanted}: "
            "change preset or network"
        )
    return weights.network().train()


def configuration(recipe: Recipe) -> Configuration:
    """The network that the recipe names or describes."""
    if recipe.network is not None:
        return Configuration(**asdict(recipe.network))
    if recipe.preset not in network.PRESETS:
        raise RecipeError(f"preset {recipe.preset!r} is none of {', '.join(network.PRESETS)}")
    return network.PRESETS[recipe.preset]


def _recorded(recipe: Recipe) -> dict[str, Any]:
    """The recipe as it travels with the weights: folders by their names, not where they lay."""
    table: dict[str, Any] = _plain(asdict(recipe))
    for section, key in (("data", "photographs"), ("data", "pairs"), ("validation", "pairs")):
        table[section][key] = Path(table[section][key]).name
    table["weights"] = Path(table["weights"]).name
    return table


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a recipe
    """As TOML and JSON have it: lists for tuples, and what is None left out."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
