"""One small network in every format, written once: the ONNX exporter takes its time."""

import hashlib
import importlib.metadata

import pytest
import torch

from mirnet import export
from mirnet.export import mnn
from mirnet.export import onnx as onnx_export
from mirnet.models import checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import Configuration

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


@pytest.fixture(scope="session")
def write_onnx(onnx_file):
    """Writes the same graph for other weights, without the exporter's half minute."""
    onnx = pytest.importorskip("onnx")

    def write(weights, path):
        model = onnx.load(onnx_file[0])
        for stored in model.graph.initializer:
            if stored.name in weights.tensors:
                stored.raw_data = weights.tensors[stored.name].numpy().tobytes()
        onnx.save(model, path)

    return write


@pytest.fixture(scope="session")
def mnn_files(write_onnx, weights, tmp_path_factory):
    """Paths of the MNN files in full and in half precision, by whether it is half."""
    folder = tmp_path_factory.mktemp("mnn")
    paths = {half: folder / f"{half}.mnn" for half in (False, True)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_export, "write", write_onnx)
        for half, path in paths.items():
            mnn.write(weights, path, half=half)
    return paths


@pytest.fixture(scope="session")
def openvino_file(source, tmp_path_factory):
    """The path of the OpenVINO file, and its stated difference."""
    pytest.importorskip("openvino")
    return export.export(source, "openvino", tmp_path_factory.mktemp("openvino"))


@pytest.fixture(scope="session")
def facts(source):
    """What every exported file says of itself."""
    return {
        **FACTS,
        "mirnet": importlib.metadata.version("mirnet"),
        "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
    }


@pytest.fixture(scope="session")
def graph_facts(facts, weights):
    """What files without tensors of ours say besides."""
    return {
        **facts,
        "configuration": {
            "width": 8, "groups": [1], "blocks_per_group": 1, "growth": 1.5,
            "in_channels": 3, "out_channels": 3, "residual": True, "unshuffle": 1, "window": 0,
            "scale": 1,
        },
        "parameters": sum(parameter.numel() for parameter in weights.network().parameters()),
        "multiple": 4,
    }  # fmt: skip
