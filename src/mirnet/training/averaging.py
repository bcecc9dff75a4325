"""The running average of the weights, which is what a run saves.

Its decay rises with the steps, as in TensorFlow's `ExponentialMovingAverage` with `num_updates`. At
a constant 0.999 a tenth of the initial, random weights would remain after 2,300 steps.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def average(network: nn.Module, decay: float) -> AveragedModel:
    """The average of a network's weights, initially equal to them.

    Each `update_parameters` moves it towards the weights: after n updates it keeps
    min(decay, (n + 1) / (n + 10)) of itself.

    Args:
        network: the network whose weights are averaged.
        decay: 0 to less than 1; with 0 the average is the last weights.
    """
    return AveragedModel(network, multi_avg_fn=_moving(decay))


def _moving(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """The update rule, which `AveragedModel` calls for all weights of a device after the first."""

    def move(averages: Tensors, weights: Tensors, updates: Tensor | int) -> None:
        # the number is on the device: reading it would make the GPU wait
        moved = 1 - torch.as_tensor((updates + 1) / (updates + 10)).clamp(max=decay)
        for mean, weight in zip(averages, weights, strict=True):
            mean.lerp_(weight, moved)

    return move
