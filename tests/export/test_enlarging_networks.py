"""Networks that enlarge, in every format, at two sizes."""

import numpy as np
import pytest
import torch

from mirnet import export, runtimes
from mirnet.models import checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import Configuration

WINDOWED = Configuration(8, (1,), 1, unshuffle=2, window=48, scale=2)
CONFIGURATIONS = [WINDOWED, Configuration(8, (1,), 1, scale=3), Configuration(8, (1,), 1, scale=4)]
SIZES = [(1, 16, 32), (2, 48, 80)]
FORMATS = ["onnx", "openvino", "mnn", "paddle", "pth", "pdparams", "safetensors"]
CASES = [(WINDOWED, format) for format in FORMATS] + [(each, "onnx") for each in CONFIGURATIONS[1:]]
TOLERANCES = {"mnn": 1e-4}
"""MNN's fast convolutions round more; all other runtimes are within 1e-5."""


def random(configuration):
    generator = torch.Generator().manual_seed(0)
    network = configuration.network()
    for parameter in network.parameters():
        fan_in = parameter[0].numel()
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.3 / fan_in) ** 0.5
    return Weights.of(network, {"task": "enlarge"})


@pytest.mark.parametrize(("configuration", "format"), CASES)
def test_all_formats_enlarge_alike_and_say_so(configuration, format, tmp_path):
    if format == "paddle":
        pytest.importorskip("mirnet.runtimes.paddle")
    reader = format if format in runtimes.KINDS else "pytorch"
    if format != "paddle":
        pytest.importorskip(runtimes.KINDS[reader].package)
    weights, scale = random(configuration), configuration.scale
    network = weights.network()
    checkpoint.write(weights, tmp_path / "enlarging.safetensors")

    path, _ = export.export(tmp_path / "enlarging.safetensors", format, tmp_path / "out")

    runtime = runtimes.open(path, runtime=reader, device="cpu", threads=1, precision="f32")
    try:
        facts = runtime.facts
        assert (facts.scale, facts.multiple) == (scale, configuration.multiple)
        assert (facts.in_channels, facts.out_channels, facts.task) == (3, 3, "enlarge")
        for batch, height, width in SIZES:
            noisy = np.random.default_rng(1).random((batch, 3, height, width), np.float32)
            with torch.inference_mode():
                expected = network(torch.from_numpy(noisy)).numpy()
            result = runtime(noisy)
            assert result.shape == (batch, 3, height * scale, width * scale)
            np.testing.assert_allclose(result, expected, rtol=0, atol=TOLERANCES.get(format, 1e-5))
    finally:
        runtime.close()
