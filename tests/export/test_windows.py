"""Networks of our own, at half resolution and with windows, in the formats of the fast runtimes."""

import numpy as np
import pytest
import torch

from mirnet import export, runtimes
from mirnet.errors import ShapeError
from mirnet.models import checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import Configuration

WINDOWED = Configuration(8, (1,), 1, unshuffle=2, window=48)
SIZES = [(1, 16, 32), (2, 48, 80)]


@pytest.fixture(scope="module")
def weights():
    generator = torch.Generator().manual_seed(0)
    network = WINDOWED.network()
    for parameter in network.parameters():
        fan_in = parameter[0].numel()
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.7 / fan_in) ** 0.5
    return Weights.of(network, {"task": "denoise"})


@pytest.fixture(scope="module")
def source(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "windowed.safetensors"
    checkpoint.write(weights, path)
    return path


@pytest.mark.parametrize("format", ["onnx", "openvino", "mnn"])
def test_windows_survive_and_are_stated(source, weights, tmp_path, format):
    package = runtimes.KINDS[format].package
    pytest.importorskip(package)

    path, difference = export.export(source, format, tmp_path)

    runtime = runtimes.open(path, runtime=format, device="cpu", threads=1)
    assert difference < 1e-4
    assert runtime.facts.multiple == WINDOWED.multiple == 16
    for batch, height, width in SIZES:
        noisy = np.random.default_rng(1).random((batch, 3, height, width), np.float32)
        with torch.inference_mode():
            expected = weights.network()(torch.from_numpy(noisy)).numpy()
        assert np.abs(expected - noisy).mean() > 0.02
        np.testing.assert_allclose(runtime(noisy), expected, rtol=0, atol=1e-4)
    runtime.close()


def test_a_fixed_size_off_the_grid_is_refused(source, tmp_path):
    with pytest.raises(ShapeError, match="multiples of 16, at least 32, got 40x64"):
        export.export(source, "onnx", tmp_path, size=(40, 64))
