"""Files for and from the official code, checked against the independent implementation."""

import pickle

import official
import pytest
import torch

from mirnet.models.checkpoint import Weights, read, write
from mirnet.models.mirnetv2.network import PRESETS, Configuration

NARROW = Configuration(width=16, groups=(1, 2, 4))


@pytest.mark.parametrize("configuration", [NARROW, PRESETS["tiny"]], ids=["narrow", "tiny"])
def test_official_network_loads_what_is_written_as_pth(configuration, tmp_path):
    ours = configuration.network()
    write(Weights.of(ours), tmp_path / "m.pth")

    theirs = official.network(configuration)
    theirs.load_state_dict(torch.load(tmp_path / "m.pth", weights_only=True)["params"], strict=True)

    x = torch.rand(1, 3, 8, 12)
    with torch.inference_mode():
        torch.testing.assert_close(theirs(x), ours(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("preset", "expected"), [("base", True), ("small", False)])
def test_spandrel_recognises_four_groups(preset, expected, tmp_path):
    """Its detection asks for a tensor of the fourth group."""
    write(Weights.of(PRESETS[preset].network()), tmp_path / "m.pth")

    params = torch.load(tmp_path / "m.pth", weights_only=True)["params"]

    assert official.recognises(params) is expected
    fourth = any(name.startswith("body.3.") for name in params)
    assert fourth is expected


def test_official_names_are_those_of_pdparams(tmp_path):
    write(Weights.of(NARROW.network()), tmp_path / "m.pdparams")

    arrays = pickle.loads((tmp_path / "m.pdparams").read_bytes())["state_dict"]

    expected = official.network(NARROW).state_dict()
    assert {n: a.shape for n, a in arrays.items()} == {n: t.shape for n, t in expected.items()}


@pytest.mark.parametrize("name", PRESETS)
def test_official_checkpoint_is_read_as_the_preset(name, tmp_path):
    theirs = official.network(PRESETS[name])
    torch.save({"params": theirs.state_dict()}, tmp_path / "real_denoising.pth")

    weights = read(tmp_path / "real_denoising.pth")

    assert weights.configuration == PRESETS[name]
    x = torch.rand(1, 3, 4, 8)
    with torch.inference_mode():
        torch.testing.assert_close(weights.network()(x), theirs(x), rtol=0, atol=1e-5)
