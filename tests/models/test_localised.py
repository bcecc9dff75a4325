"""Windows in place of the whole, for weights that were trained without: the same numbers, tied."""

import numpy as np
import pytest
import torch

from mirnet import runtimes
from mirnet.errors import WeightsError
from mirnet.export import export
from mirnet.models import checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import Configuration
from mirnet.restoration.restorer import Restorer


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """Weights of a network that averages over the whole, whose tiles show."""
    torch.manual_seed(0)
    network = Configuration(8, (1, 2), 1).network()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.8 / parameter[0].numel() ** 0.5)
    path = tmp_path_factory.mktemp("paper") / "paper.safetensors"
    checkpoint.write(Weights.of(network), path)
    return path


def in_tiles(runtime, side):
    """How far tiles are from the whole, inside of a picture whose halves differ."""
    rng = np.random.default_rng(0)
    light = np.linspace(0.1, 0.9, 288, dtype=np.float32)[:, None]
    picture = rng.random((288, 288, 3), np.float32) * light
    whole = Restorer(runtime, tile=384, overlap=0)(picture)
    tiled = Restorer(runtime, tile=side, overlap=side // 2)(picture)
    return np.abs(tiled - whole).mean()


def test_tiles_of_windows_are_nearer_to_the_whole(paper):
    whole = runtimes.open(paper, device="cpu")
    local = runtimes.open(paper, device="cpu", local=96)

    assert local.facts.multiple == 32
    assert in_tiles(local, 192) < 0.5 * in_tiles(whole, 192)


def test_an_exported_model_has_the_windows_and_says_so(paper, tmp_path):
    pytest.importorskip("onnxruntime")
    path, difference = export(paper, "onnx", tmp_path, local=48)

    assert difference < 1e-4
    assert runtimes.open(path, runtime="onnx", device="cpu").facts.multiple == 16


def test_nothing_but_the_window_changes(paper):
    weights = checkpoint.read(paper)

    local = checkpoint.localised(weights, 48)

    assert local.tensors is weights.tensors
    assert local.configuration == Configuration(8, (1, 2), 1, window=48)


@pytest.mark.parametrize("window", [0, -12, 10, 1548])
def test_a_window_that_does_not_fit_is_refused(paper, window):
    with pytest.raises(WeightsError, match=f"multiple of 12 pixels up to 1536, got {window}"):
        runtimes.open(paper, local=window)


def test_windows_of_its_own_are_kept(tmp_path):
    path = tmp_path / "mine.safetensors"
    checkpoint.write(Weights.of(Configuration(8, (1,), 1, window=24).network()), path)

    with pytest.raises(WeightsError, match="averages over windows of 24 pixels already"):
        runtimes.open(path, local=48)


def test_other_runtimes_say_what_to_do():
    with pytest.raises(WeightsError, match=r"--local is for weights that PyTorch runs.*export"):
        runtimes.open("denoise", runtime="mnn", local=384)
