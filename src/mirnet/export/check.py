"""Check that an exported model gives the same results as its source."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32

from mirnet.models.checkpoint import Weights
from mirnet.models.facts import Facts
from mirnet.restoration.restorer import default_tile
from mirnet.restoration.runtime import Runtime
from mirnet.runtimes.pytorch import PyTorchRuntime
from mirnet.shapes import Batch


def sizes(facts: Facts) -> tuple[tuple[int, int, int], ...]:
    """Batch, height and width of the pictures with which every export is checked.

    A full tile is among them, since a runtime's error may grow with the size.
    """
    tile, multiple = default_tile(facts), facts.multiple
    return (1, tile, tile), (1, 5 * multiple, 9 * multiple), (2, 8 * multiple, 12 * multiple)


def difference(weights: Weights, runtime: Runtime, size: tuple[int, int] | None = None) -> float:
    """The largest difference of any value between a network and a runtime, on noise and a scene.

    Args:
        weights: of the network, which PyTorch runs.
        runtime: runs the exported model.
        size: fixed height and width of the model's input; None for `sizes`.

    Returns:
        A number; NaN if one result has any.
    """
    source = PyTorchRuntime.of(weights.network())
    differences = [
        np.abs(runtime(noisy) - source(noisy)).max()
        for batch, height, width in (((1, *size),) if size else sizes(source.facts))
        for noisy in _pictures(batch, source.facts.in_channels, height, width)
    ]
    return float(np.max(differences))


def _pictures(batch: int, channels: int, height: int, width: int) -> Iterator[Batch]:
    """A worst-case and a typical input of a network."""
    yield np.random.default_rng(0).random((batch, channels, height, width), dtype=np.float32)
    yield np.stack([scene(channels, height, width, seed) for seed in range(batch)])


def scene(channels: int, height: int, width: int, seed: int) -> Float32[np.ndarray, "c h w"]:
    """A synthetic photograph, c h w in 0..1, so that no picture has to be shipped for the check.

    A sky with a gradient, a bright disc with a sharp edge, fine stripes, a dark corner, all of it
    tinted, with noise that grows with the light.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)
    light = 0.8 - 0.5 * rows + 0.1 * columns
    light = np.where((rows - 0.4) ** 2 + (columns - 0.6) ** 2 < 0.04, 1.0, light)
    stripes = 0.5 + 0.3 * np.sin(2.5 * np.arange(width)) + 0 * rows
    light = np.where((rows > 0.7) & (columns < 0.5), stripes, light)
    light = np.where((rows > 0.7) & (columns > 0.8), 0.02, light)
    tinted = light * np.linspace(1, 0.7, channels)[:, None, None]
    noisy = tinted + rng.normal(size=tinted.shape) * np.sqrt(1e-4 + 4e-3 * tinted)
    return np.clip(noisy, 0, 1).astype(np.float32)
