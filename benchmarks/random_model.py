"""A model of random weights that changes pictures visibly; a fresh network hardly does."""

from collections.abc import Iterator
from pathlib import Path

import torch

from mirnet.network import PRESETS
from mirnet.weights import catalog, checkpoint
from mirnet.weights.checkpoint import Weights


def write(preset: str, path: Path) -> None:
    """Write weights of this preset, the same every time."""
    network = PRESETS[preset].network()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        fan_in = parameter[0].numel()
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.3 / fan_in) ** 0.5
    checkpoint.write(Weights.of(network), path)


def beside_bundled(folder: Path) -> Iterator[Path]:
    """The weights that tables are made of: the bundled model's, and `small`, written here."""
    yield catalog.find("denoise").weights()
    small = folder / "small.safetensors"
    write("small", small)
    yield small
