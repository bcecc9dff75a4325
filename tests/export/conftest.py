"""One small network in every format, written once: the ONNX exporter takes its time."""

import pytest
import torch

from mirnet import export
from mirnet.network import Configuration
from mirnet.weights import checkpoint
from mirnet.weights.checkpoint import Weights

LITTLE = Configuration(width=8, groups=(1,), blocks_per_group=1)
FACTS = {"task": "denoise", "metrics": {"psnr": 39.5}}


@pytest.fixture(scope="session")
def weights():
    """A network that changes a picture visibly; fresh ones hardly do."""
    generator = torch.Generator().manual_seed(0)
    network = LITTLE.network()
    for parameter in network.parameters():
        fan_in = parameter[0].numel()
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.7 / fan_in) ** 0.5
    return Weights.of(network, FACTS)


@pytest.fixture(scope="session")
def source(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "little.safetensors"
    checkpoint.write(weights, path)
    return path


@pytest.fixture(scope="session")
def onnx_file(source, tmp_path_factory):
    """The path of the ONNX file, and its stated difference."""
    pytest.importorskip("onnx")
    return export.export(source, "onnx", tmp_path_factory.mktemp("onnx"))
