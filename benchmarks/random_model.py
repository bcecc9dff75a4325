"""The weights that tables are made of, by name; random ones change pictures visibly."""

from pathlib import Path

import torch

from mirnet.models import catalog, checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import PRESETS

DEFAULT = ("denoise", "small")
"""The bundled model, and a larger network with random weights."""


def find(name: str, folder: Path) -> Path:
    """A model of the catalogue, a file, or random weights of a preset, written into the folder."""
    record = catalog.find(name)
    if record:
        return record.weights()
    if name not in PRESETS:
        return Path(name)
    path = folder / f"{name}.safetensors"
    if not path.exists():
        write(name, path)
    return path


def write(preset: str, path: Path) -> None:
    """Write weights of this preset, the same every time; a fresh network would change little."""
    network = PRESETS[preset].network()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        fan_in = parameter[0].numel()
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.3 / fan_in) ** 0.5
    checkpoint.write(Weights.of(network), path)
