"""Small weights, and files that others could have written."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import Configuration

LITTLE = Configuration(width=8, groups=(1, 2), blocks_per_group=1)
FACTS = {"task": "denoise", "metrics": {"psnr": 39.5}, "recipe": {"stages": [[64, 8], [128, 2]]}}


@pytest.fixture
def weights() -> Weights:
    """Weights of a small network, the same every time."""
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in LITTLE.network().state_dict().items()}
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return Weights(tensors, LITTLE, FACTS)


@pytest.fixture
def save_as_paddle(tmp_path: Path) -> Callable[[Mapping[str, object], int], Path]:
    """Write a pickle as `paddle.save` does, under a given protocol."""

    def save(content: Mapping[str, object], protocol: int) -> Path:
        path = tmp_path / "model.pdparams"
        path.write_bytes(pickle.dumps(content, protocol))
        return path

    return save
