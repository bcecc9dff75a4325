import json
import os
import pickle
import stat

import pytest
import safetensors.torch
import torch
from safetensors import safe_open

from mirnet.errors import WeightsError
from mirnet.models.checkpoint import Weights, read, write
from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import Configuration

SUFFIXES = [".safetensors", ".pth", ".pdparams"]


def assert_same(found: Weights, expected: Weights) -> None:
    assert found.tensors.keys() == expected.tensors.keys()
    assert all(torch.equal(found.tensors[name], t) for name, t in expected.tensors.items())
    assert found.configuration == expected.configuration
    assert found.facts == expected.facts


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".PTH"])
def test_what_is_written_is_read_again_bit_by_bit(weights, suffix, tmp_path):
    path = tmp_path / f"model{suffix}"

    write(weights, path)

    assert_same(read(path), weights)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_file_is_the_same_after_a_journey_through_another_format(weights, suffix, tmp_path):
    first, other, last = (tmp_path / n for n in ("a.safetensors", f"b{suffix}", "c.safetensors"))

    write(weights, first)
    write(read(first), other)
    write(read(other), last)

    assert first.read_bytes() == last.read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_weights_give_the_same_file(weights, suffix, tmp_path):
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"

    write(weights, first)
    write(weights, second)

    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_shapes_cannot_tell_survives(weights, suffix, tmp_path):
    configuration = Configuration(8, (1, 2), 1, growth=1.51, residual=False)
    path = tmp_path / f"model{suffix}"

    write(Weights(weights.tensors, configuration), path)

    assert read(path).configuration == configuration


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_content_decides_not_the_suffix(weights, suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    write(weights, path)

    assert_same(read(path.rename(tmp_path / "model.bin")), weights)


def test_path_may_be_text(weights, tmp_path):
    write(weights, f"{tmp_path}/model.pth")

    assert_same(read(f"{tmp_path}/model.pth"), weights)


def test_network_computes_with_the_weights(weights):
    network = weights.network()

    assert not network.training
    assert network.configuration == weights.configuration
    assert all(torch.equal(t, weights.tensors[name]) for name, t in network.state_dict().items())
    assert network(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 8, 8)


def test_network_is_a_copy_and_leaves_the_random_numbers_alone(weights):
    before, state = weights.tensors["head.weight"].clone(), torch.get_rng_state()

    network = weights.network()
    with torch.no_grad():
        network.head.weight.zero_()

    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(weights.tensors["head.weight"], before)


def test_weights_of_a_network_make_the_network_again(weights):
    network = weights.network()

    again = Weights.of(network, {"task": "denoise"})

    assert again.facts == {"task": "denoise"}
    assert Weights.of(network).facts == {}
    assert_same(again, Weights(weights.tensors, weights.configuration, {"task": "denoise"}))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pdparams"])
@pytest.mark.parametrize(
    "configuration",
    [
        Configuration(8, (1, 2), 1, unshuffle=2, window=48),
        Configuration(8, (1,), 1, window=24),
        Configuration(8, (1,), 1, in_channels=4, out_channels=4),
        Configuration(8, (1,), 1, unshuffle=2, window=48, scale=4),
        Configuration(8, (1,), 1, in_channels=6, residual=False, scale=2),
    ],
)
def test_what_shapes_do_not_tell_is_stated(tmp_path, configuration, suffix):
    path = tmp_path / f"model{suffix}"
    write(Weights.of(configuration.network()), path)

    assert read(path).configuration == configuration


def test_native_file_states_configuration_and_facts(weights, tmp_path):
    path = tmp_path / "model.safetensors"
    write(weights, path)

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()

    assert metadata.keys() == {"mirnet"}
    assert json.loads(metadata["mirnet"]) == {
        "version": 1,
        "configuration": {
            "width": 8,
            "groups": [1, 2],
            "blocks_per_group": 1,
            "growth": 1.5,
            "unshuffle": 1,
            "window": 0,
            "scale": 1,
            "in_channels": 3,
            "out_channels": 3,
            "residual": True,
        },
        **weights.facts,
    }


def test_half_is_half_the_size_and_read_as_float32(weights, tmp_path):
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"

    write(weights, whole)
    write(weights, half, half=True)

    found = read(half)
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    assert {t.dtype for t in found.tensors.values()} == {torch.float32}
    assert all(torch.equal(t.half(), weights.tensors[n].half()) for n, t in found.tensors.items())


def test_pth_holds_official_names_under_params(weights, tmp_path):
    path = tmp_path / "model.pth"
    write(weights, path)

    params = torch.load(path, weights_only=True)["params"]

    assert upstream.to_ours(params).keys() == weights.tensors.keys()


def test_pdparams_is_a_plain_pickle_for_any_numpy(weights, tmp_path):
    path = tmp_path / "model.pdparams"
    write(weights, path)

    data = path.read_bytes()
    arrays = pickle.loads(data)["state_dict"]

    assert data[:2] == b"\x80\x03"
    assert b"numpy._core" not in data
    assert b"numpy.core.multiarray" in data
    assert upstream.to_ours(arrays).keys() == weights.tensors.keys()
    assert (arrays["conv_in.weight"] == weights.tensors["head.weight"].numpy()).all()


def test_pdparams_is_as_small_as_the_weights(weights, tmp_path):
    path = tmp_path / "model.pdparams"
    numbers = 4 * sum(tensor.numel() for tensor in weights.tensors.values())
    overhead = 200 * len(weights.tensors)  # names and shapes

    write(weights, path)

    assert numbers < path.stat().st_size < numbers + overhead


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_tensors_that_share_memory_or_lie_transposed_are_written(weights, suffix, tmp_path):
    tensors = dict(weights.tensors)
    tensors["head.weight"] = tensors["head.weight"].to(memory_format=torch.channels_last)
    tensors["groups.1.project.weight"] = tensors["groups.0.project.weight"]
    tensors["tail.weight"] = torch.nn.Parameter(tensors["tail.weight"].double())
    path = tmp_path / f"model{suffix}"

    write(Weights(tensors, weights.configuration), path)

    assert all(torch.equal(t, tensors[name]) for name, t in read(path).tensors.items())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_read_tensors_outlive_the_file(weights, suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    write(weights, path)

    found = read(path)
    path.write_bytes(b"\0" * path.stat().st_size)

    assert_same(found, weights)


def test_new_file_has_the_usual_permissions(weights, tmp_path):
    (tmp_path / "other").touch()
    write(weights, tmp_path / "model.pth")

    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_unknown_suffix_is_refused_with_the_known_ones(weights, tmp_path):
    with pytest.raises(WeightsError, match=r"m\.onnx: cannot write .* \.safetensors, \.pth, \.pd"):
        write(weights, tmp_path / "m.onnx")


@pytest.mark.parametrize("suffix", [".pth", ".pdparams"])
def test_half_is_for_safetensors_only(weights, suffix, tmp_path):
    with pytest.raises(WeightsError, match=r"float16 can be written as \.safetensors only"):
        write(weights, tmp_path / f"m{suffix}", half=True)


def change(weights: Weights, value: float) -> Weights:
    tensors = {name: tensor.clone() for name, tensor in weights.tensors.items()}
    tensors["tail.weight"][0, 0, 0, 0] = value
    return Weights(tensors, weights.configuration)


@pytest.mark.parametrize(
    ("value", "half", "advice"),
    [
        (float("nan"), False, "before the training diverged"),
        (float("inf"), True, "before the training diverged"),
        (1e6, True, "write without half"),
    ],
)
def test_values_that_are_not_finite_are_not_written(weights, value, half, advice, tmp_path):
    with pytest.raises(WeightsError, match=f"tensor `tail.weight` holds values .*{advice}"):
        write(change(weights, value), tmp_path / "m.safetensors", half=half)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_weights_that_do_not_fill_their_network_are_not_written(weights, suffix, tmp_path):
    bad = Weights(weights.tensors, Configuration(16, (1, 2), 1))

    with pytest.raises(WeightsError, match="is 8x3x3x3, where a network of width 16 has 16x3x3x3"):
        write(bad, tmp_path / f"m{suffix}")

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fact", [object(), float("nan"), {1, 2}, torch.zeros(1)])
def test_facts_that_are_not_json_are_refused(weights, fact, tmp_path):
    with pytest.raises(WeightsError, match=r"m\.pth: the facts do not fit into JSON"):
        write(Weights(weights.tensors, weights.configuration, {"x": fact}), tmp_path / "m.pth")


def test_facts_cannot_take_the_names_of_the_file_itself(weights, tmp_path):
    facts = {"configuration": {}}

    with pytest.raises(WeightsError, match="a fact cannot be called `configuration`"):
        write(Weights(weights.tensors, weights.configuration, facts), tmp_path / "m.pth")


def test_missing_folder_is_named(weights, tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere/m\.pth: cannot be written \(its folder"):
        write(weights, tmp_path / "nowhere" / "m.pth")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_failed_write_leaves_the_old_file_and_nothing_else(weights, suffix, tmp_path, monkeypatch):
    path = tmp_path / f"m{suffix}"
    path.write_bytes(b"old")

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WeightsError, match=r"cannot be written \(No space left on device\)"):
        write(weights, path)

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_bare_safetensors_of_either_names_are_read(weights, tmp_path):
    path = tmp_path / "bare.safetensors"
    for tensors in (weights.tensors, upstream.to_official(weights.tensors)):
        safetensors.torch.save_file(tensors, path)

        found = read(path)

        assert found.facts == {}
        assert found.configuration == weights.configuration
        assert all(torch.equal(found.tensors[name], t) for name, t in weights.tensors.items())
