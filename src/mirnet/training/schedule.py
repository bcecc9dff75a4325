"""What a step is like: its stage and its learning rate. Plain numbers: no torch."""

import math
from collections.abc import Sequence

from mirnet.training.recipe import Optimisation, Stage


def stage_at(stages: Sequence[Stage], step: int) -> Stage:
    """The stage of a step, counted from 0; the last one for any step beyond.

    >>> stage_at([Stage(10, 64, 8), Stage(5, 128, 2)], 10).patch
    128
    """
    for stage in stages:
        if step < stage.steps:
            return stage
        step -= stage.steps
    return stages[-1]


def lr_at(optim: Optimisation, step: int, steps: int) -> float:
    """The learning rate of a step out of `steps`.

    >>> [lr_at(Optimisation(lr=1.0, lr_min=0.0, warmup=2), step, 10) for step in (0, 1, 2)]
    [0.5, 1.0, 1.0]
    """
    start = max(optim.warmup, round(optim.hold * steps))
    if step < optim.warmup:
        return optim.lr * (step + 1) / optim.warmup
    if step <= start:
        return optim.lr
    done = (step - start) / max(steps - start, 1)
    return optim.lr_min + (optim.lr - optim.lr_min) * (1 + math.cos(math.pi * done)) / 2
