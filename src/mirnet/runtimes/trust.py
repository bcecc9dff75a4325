"""An accelerator is trusted once its result agrees with the CPU's.

Drivers and half precision fail silently: the result is a picture, but a wrong one.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack, closing

import numpy as np

from mirnet.errors import InferenceError, RuntimeMissingError
from mirnet.restoration.runtime import Runtime

log = logging.getLogger(__name__)

SIDE = 64
"""Side of the test tile, for models of any size."""

TOLERANCE = 0.02
"""Largest difference to the CPU in 0..1: five levels of 8 bits, room for half precision."""


def trusted(load: Callable[[str], Runtime], device: str, *, insist: bool) -> Runtime:
    """The model on a device, checked against the CPU if it is not the CPU.

    Args:
        load: loads the model on the device of this name, with one runtime.
        device: `cpu`, or the device to check.
        insist: whether it must be this device; otherwise the CPU replaces it, with a warning.

    Raises:
        RuntimeMissingError: if the device is not there, and it must be this.
        InferenceError: if it fails or computes something else, and it must be this.
    """
    if device == "cpu":
        return load("cpu")
    try:
        with ExitStack() as stack:
            accelerated = stack.enter_context(closing(load(device)))
            with closing(load("cpu")) as reference:
                _compare(accelerated, reference, device)
            stack.pop_all()  # keeps it open
            return accelerated
    except (InferenceError, RuntimeMissingError) as error:
        if insist:
            raise
        log.warning("%s; going on with the CPU", error)
        return load("cpu")


def _compare(accelerated: Runtime, reference: Runtime, device: str) -> None:
    """Restore one tile of noise on both, and compare the results.

    Raises:
        InferenceError: if one fails, or the results differ.
    """
    facts = reference.facts
    shape = 1, facts.in_channels, *(facts.size or (SIDE, SIDE))
    noise = np.random.default_rng(0).random(shape, dtype=np.float32)
    difference = np.abs(accelerated(noise) - reference(noise)).max()
    if not difference <= TOLERANCE:
        raise InferenceError(
            f"{accelerated.name} on {device} differs from the CPU by {difference:.1e}, more than "
            f"{TOLERANCE}: its results cannot be trusted"
        )
