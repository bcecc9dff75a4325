"""From samples to inputs and targets on the training device, for each task."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from mirnet.camera import shrinking
from mirnet.camera.description import Shrinking
from mirnet.training.recipe import Recipe
from mirnet.training.samples import dataset
from mirnet.training.samples.dataset import SampleBatch

Inputs = Float[Tensor, "b _ _ _"]
Targets = Float[Tensor, "b _ _ _"]

Develop = Callable[[SampleBatch, torch.device], tuple[Inputs, Targets]]
"""Makes inputs and targets of a batch on the training device: b c h w, in 0..1."""


def _denoise(recipe: Recipe) -> Develop:
    camera = recipe.camera
    return lambda batch, device: dataset.develop(batch, device, camera)


def _brighten(recipe: Recipe) -> Develop:
    camera, darkening = recipe.camera, recipe.darkening
    return lambda batch, device: dataset.develop(batch, device, camera, darkening)


def _enlarge(recipe: Recipe) -> Develop:
    network, how = recipe.network, recipe.shrinking
    assert network is not None  # which the recipe checks
    return lambda batch, device: enlarge(batch, device, network.scale, how)


DEVELOP: dict[str, Callable[[Recipe], Develop]] = {
    "denoise": _denoise,
    "enlarge": _enlarge,
    "enlarge-aligned": _denoise,  # pairs alone, which no camera changes, like the last
    "brighten": _brighten,
    "retouch": _denoise,
    "deblur": _denoise,
}
"""For each task, what makes its function from a recipe."""


def enlarge(
    batch: SampleBatch, device: torch.device, scale: int, how: Shrinking = Shrinking()
) -> tuple[Inputs, Targets]:
    """Small pictures, b 3 patch patch, and the clean ones, `scale` times as high and wide.

    The same batch gives the same patches on the same type of device. Scenes that get no noise are
    only shrunk.
    """
    generator = Generator(device).manual_seed(batch.seed)
    small, large = batch.noisy.to(device), batch.clean.to(device)
    if not len(batch.scenes):
        return small, large
    drawn = shrinking.degrade(
        *(batch.scenes.to(device), batch.patch, scale, generator, how),
        is_plain=batch.is_clean.to(device),
    )
    return torch.cat([small, drawn[0]]), torch.cat([large, drawn[1]])
