"""Files as others write them, and as the training loop does."""

import json
from collections import OrderedDict
from dataclasses import asdict, replace

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from mirnet.errors import WeightsError
from mirnet.models.checkpoint import Weights, read, write
from mirnet.models.content import HALF
from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import Configuration


def assert_read(path, weights: Weights) -> Weights:
    found = read(path)
    assert found.configuration == weights.configuration
    assert found.tensors.keys() == weights.tensors.keys()
    assert all(torch.equal(found.tensors[name], t) for name, t in weights.tensors.items())
    return found


@pytest.mark.parametrize("container", ["params", "params_ema", "state_dict", None])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
def test_pytorch_files_are_read(weights, container, zipped, tmp_path):
    path = tmp_path / "m.pth"
    official = OrderedDict(upstream.to_official(weights.tensors))
    content = official if container is None else {container: official, "iter": 300_000}

    torch.save(content, path, _use_new_zipfile_serialization=zipped)

    assert assert_read(path, weights).facts == {}


def test_averaged_parameters_come_before_the_last_ones(weights, tmp_path):
    official = upstream.to_official(weights.tensors)
    zeros = {name: torch.zeros_like(tensor) for name, tensor in official.items()}

    torch.save({"params": zeros, "params_ema": official}, tmp_path / "m.pth")

    assert_read(tmp_path / "m.pth", weights)


def test_data_parallel_and_parameters_are_unwrapped(weights, tmp_path):
    network = nn.DataParallel(weights.network())

    torch.save({"state_dict": dict(network.named_parameters())}, tmp_path / "m.pt")

    assert_read(tmp_path / "m.pt", weights)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_other_precisions_become_float32(weights, dtype, suffix, tmp_path):
    tensors = {name: tensor.to(dtype) for name, tensor in weights.tensors.items()}
    path = tmp_path / f"m.{suffix}"
    torch.save(tensors, path) if suffix == "pth" else safetensors.torch.save_file(tensors, path)

    expected = {name: tensor.float() for name, tensor in tensors.items()}

    assert_read(path, Weights(expected, weights.configuration))


def training_state(weights: Weights, **others) -> dict[str, object]:
    zeros = {name: torch.zeros_like(tensor) for name, tensor in weights.tensors.items()}
    state = {"format": "mirnet-training-1", "network": zeros, "ema": weights.tensors}
    return {**state, "facts": {"task": "denoise"}, "step": 7, "optimizer": {"state": {}}, **others}


def test_training_checkpoint_gives_the_averaged_weights(weights, tmp_path):
    torch.save(training_state(weights), tmp_path / "last.ckpt")

    assert assert_read(tmp_path / "last.ckpt", weights).facts == {"task": "denoise"}


def test_training_checkpoint_without_average_gives_the_network(weights, tmp_path):
    torch.save(training_state(weights, network=weights.tensors, ema=None), tmp_path / "last.ckpt")

    assert_read(tmp_path / "last.ckpt", weights)


def test_averaged_model_may_be_saved_whole(weights, tmp_path):
    averaged = AveragedModel(weights.network()).state_dict()
    assert "n_averaged" in averaged

    torch.save(training_state(weights, ema=averaged), tmp_path / "last.ckpt")

    assert_read(tmp_path / "last.ckpt", weights)


def test_training_checkpoint_may_state_its_configuration(weights, tmp_path):
    stated = {**vars(weights.configuration), "residual": False}

    torch.save(training_state(weights, configuration=stated), tmp_path / "last.ckpt")

    assert read(tmp_path / "last.ckpt").configuration == Configuration(8, (1, 2), 1, residual=False)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"format": "mirnet-training-2"}, "checkpoint 'mirnet-training-2', .* mirnet-training-1"),
        ({"ema": None, "network": None}, "`network` holds a NoneType, where a dict"),
        ({"facts": 3}, "`facts` holds a int, where a dict"),
    ],
)
def test_training_checkpoints_of_another_make_are_refused(weights, others, message, tmp_path):
    torch.save(training_state(weights, **others), tmp_path / "last.ckpt")

    with pytest.raises(WeightsError, match=message):
        read(tmp_path / "last.ckpt")


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("is_bare", [True, False])
def test_paddle_files_are_read(weights, protocol, is_bare, save_as_paddle):
    arrays = {n: t.numpy() for n, t in upstream.to_official(weights.tensors).items()}
    content = arrays if is_bare else {"epoch": np.int64(12), "psnr": 39.7, "state_dict": arrays}
    content["StructuredToParameterName@@"] = dict.fromkeys(arrays, "conv2d_0.w_0")

    assert assert_read(save_as_paddle(content, protocol), weights).facts == {}


@pytest.mark.parametrize("protocol", [2, 4])
def test_paddle_tensors_come_with_their_name(weights, protocol, save_as_paddle):
    """`paddle.save` of a nested dict reduces a tensor to `tuple((name, array))`."""
    official = upstream.to_official(weights.tensors)
    named = {name: PaddleTensor(name, tensor.numpy()) for name, tensor in official.items()}

    assert_read(save_as_paddle({"state_dict": OrderedDict(named)}, protocol), weights)


class PaddleTensor:
    def __init__(self, name, array):
        self.content = name, array

    def __reduce__(self):
        return tuple, (self.content,)


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2"])
def test_arrays_of_any_float_and_byte_order_are_read(weights, kind, save_as_paddle):
    arrays = {name: tensor.numpy().astype(kind) for name, tensor in weights.tensors.items()}

    expected = {name: torch.from_numpy(a.astype(np.float32)) for name, a in arrays.items()}
    assert_read(save_as_paddle(arrays, 4), Weights(expected, weights.configuration))


def test_fortran_order_is_read(weights, save_as_paddle):
    arrays = {name: np.asfortranarray(tensor.numpy()) for name, tensor in weights.tensors.items()}

    assert_read(save_as_paddle(arrays, 4), weights)


def test_bfloat16_of_paddle_is_read(weights, save_as_paddle):
    rounded = {name: tensor.bfloat16() for name, tensor in weights.tensors.items()}
    bits = {n: tensor.view(torch.int16).numpy().view(np.uint16) for n, tensor in rounded.items()}

    expected = {name: tensor.float() for name, tensor in rounded.items()}
    assert_read(save_as_paddle(bits, 4), Weights(expected, weights.configuration))


def test_numbers_beyond_float32_are_refused(weights, save_as_paddle):
    arrays = {name: tensor.double().numpy() for name, tensor in weights.tensors.items()}
    arrays["head.weight"] = arrays["head.weight"] * 1e300

    with pytest.raises(WeightsError, match=r"`head\.weight` holds values that are not finite"):
        read(save_as_paddle(arrays, 4))


@pytest.mark.parametrize("value", [np.zeros((8, 3, 3, 3), np.int64), np.array(["a"]), [1.0], None])
def test_entries_that_are_no_weights_are_named(weights, value, save_as_paddle):
    arrays = {n: t.numpy() for n, t in weights.tensors.items()} | {"head.weight": value}

    with pytest.raises(WeightsError, match=r"`head\.weight` (has type|is a)"):
        read(save_as_paddle(arrays, 4))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(8, 3, 3, 3, dtype=torch.int32),
        torch.zeros(8, 3, 3, 3).to_sparse(),
        torch.zeros(8, 3, 3, 3, device="meta"),
    ],
    ids=["int", "sparse", "meta"],
)
def test_tensors_that_are_no_dense_floats_are_refused(weights, tensor, tmp_path):
    torch.save({**weights.tensors, "head.weight": tensor}, tmp_path / "m.pth")

    with pytest.raises(WeightsError, match=r"tensor `head\.weight` is torch"):
        read(tmp_path / "m.pth")


def test_weights_with_nan_are_refused(weights, tmp_path):
    weights.tensors["tail.weight"][0] = float("nan")
    torch.save(weights.tensors, tmp_path / "m.pth")

    with pytest.raises(WeightsError, match=r"`tail\.weight` holds values that are not finite"):
        read(tmp_path / "m.pth")


def save_stating(weights: Weights, path, text: str) -> None:
    safetensors.torch.save_file(weights.tensors, path, {"mirnet": text})


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "1", '"text"', "[" * 100_000])
def test_metadata_that_is_not_ours_is_refused(weights, text, tmp_path):
    save_stating(weights, tmp_path / "m.safetensors", text)

    with pytest.raises(WeightsError, match=r"m\.safetensors: (its metadata|is truncated)"):
        read(tmp_path / "m.safetensors")


def test_metadata_of_a_version_to_come_is_refused(weights, tmp_path):
    save_stating(weights, tmp_path / "m.safetensors", '{"version": 2}')

    with pytest.raises(WeightsError, match="metadata of version 2, where this mirnet reads 1"):
        read(tmp_path / "m.safetensors")


def test_metadata_without_configuration_leaves_it_to_the_shapes(weights, tmp_path):
    save_stating(weights, tmp_path / "m.safetensors", '{"version": 1, "task": "denoise"}')

    assert assert_read(tmp_path / "m.safetensors", weights).facts == {"task": "denoise"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("width", 64, "width 64 against 8"),
        ("groups", [1, 4], r"groups \(1, 4\) against \(1, 2\)"),
        ("groups", None, r"groups None against \(1, 2\)"),
        ("blocks_per_group", 10**9, "blocks_per_group 1000000000 against 1"),
        ("growth", 2.0, "growth 2.0 against 1.5"),
        ("growth", float("nan"), "growth nan against 1.5"),
        ("growth", 10**400, "growth 10+ against 1.5"),
        ("growth", "1.5", "growth '1.5' against 1.5"),
        ("in_channels", 1, "in_channels 1 against 3"),
        ("out_channels", "3", "out_channels '3' against 3"),
        ("residual", 1, "residual 1 against True"),
        ("unshuffle", 2, "3 channels in and 3 out, where squares of 2 x 2"),
        ("unshuffle", 10**9, "states unshuffle 1000000000: expected 1 or 2"),
        ("unshuffle", True, "states unshuffle True: expected 1 or 2"),
        ("scale", 2, "3 channels out, where a network that enlarges 2 times has a multiple of 4"),
        ("scale", 10**9, "states scale 1000000000: expected 1 to 4"),
        ("scale", True, "states scale True: expected 1 to 4"),
        ("window", 10**9, "states window 1000000000: expected a multiple of 12 up to 1536"),
        ("window", 10, "states window 10: expected a multiple of 12"),
        ("window", 24.0, r"states window 24\.0: expected a multiple of 12"),
        ("color", "RGB", "does not state `width`, `groups`, `blocks_per_group` and 7 more"),
    ],
)
def test_metadata_must_agree_with_the_tensors(weights, field, value, message, tmp_path):
    stated = {**vars(weights.configuration), field: value}
    torch.save(training_state(weights, configuration=stated), tmp_path / "m.ckpt")

    with pytest.raises(WeightsError, match=message):
        read(tmp_path / "m.ckpt")


def test_residual_cannot_be_stated_of_unequal_channels(weights, tmp_path):
    tensors = weights.tensors | {"tail.weight": torch.zeros(1, 8, 3, 3)}
    stated = {**vars(weights.configuration), "out_channels": 1}
    torch.save(
        training_state(Weights(tensors, weights.configuration), configuration=stated),
        tmp_path / "m.ckpt",
    )

    with pytest.raises(WeightsError, match="residual True against False"):
        read(tmp_path / "m.ckpt")


def test_configuration_must_be_a_mapping(weights, tmp_path):
    torch.save(training_state(weights, configuration=[8]), tmp_path / "m.ckpt")

    with pytest.raises(WeightsError, match="its configuration does not state"):
        read(tmp_path / "m.ckpt")


@pytest.mark.parametrize("suffix", ["pth", "safetensors", "pdparams"])
def test_another_network_is_named_as_such(suffix, tmp_path, save_as_paddle):
    tensors = {
        "conv1.weight": torch.zeros(64, 3, 7, 7),
        "bn1.num_batches_tracked": torch.zeros((), dtype=torch.int64),
        "layer1.0.conv1.weight": torch.zeros(64, 64, 3, 3),
        "fc.bias": torch.zeros(10),
    }
    path = tmp_path / f"resnet.{suffix}"
    if suffix == "pth":
        torch.save(tensors, path)
    elif suffix == "safetensors":
        safetensors.torch.save_file(tensors, path)
    else:
        path = save_as_paddle({name: tensor.numpy() for name, tensor in tensors.items()}, 4)

    with pytest.raises(WeightsError) as caught:
        read(path)

    message = str(caught.value)
    assert message.startswith(
        f"{path}: not MIRNetV2 weights: no tensor `head.weight` (official name `conv_in.weight`) "
        "among the 4 entries `"
    )
    assert message.endswith(" and 1 more")
    assert "`conv1.weight`" in message


@pytest.mark.parametrize("content", [[1, 2], {1: torch.zeros(1)}, {"params": 3}, torch.zeros(2)])
def test_files_that_hold_no_names_are_refused(content, tmp_path):
    torch.save(content, tmp_path / "m.pth")

    with pytest.raises(WeightsError, match="where a dict from names to tensors is expected"):
        read(tmp_path / "m.pth")


def test_messages_are_one_line(weights, tmp_path):
    write(weights, tmp_path / "m.pth")
    (tmp_path / "m.pth").write_bytes((tmp_path / "m.pth").read_bytes()[:-30])

    with pytest.raises(WeightsError) as caught:
        read(tmp_path / "m.pth")

    assert "\n" not in str(caught.value)


def as_onnx(weights, path, *, stated=None, half=False):
    """A file with what matters here of one that `mirnet.export` writes: tensors and metadata."""
    made = [
        onnx.numpy_helper.from_array(
            tensor.numpy().astype(np.float16 if half else np.float32), name + HALF * half
        )
        for name, tensor in weights.tensors.items()
    ]
    sizes = onnx.numpy_helper.from_array(np.array([1, 2]), "val_3")
    graph = onnx.helper.make_graph([], "graph", [], [], [*made, sizes])
    model = onnx.helper.make_model(graph)
    if stated is None:
        stated = {
            "configuration": asdict(weights.configuration),
            "parameters": 1,
            "task": "denoise",
        }
    onnx.helper.set_model_props(model, {"mirnet": json.dumps(stated)} if stated else {})
    onnx.save(model, path)
    return path


def test_onnx_files_of_ours_are_read(weights, tmp_path):
    found = assert_read(as_onnx(weights, tmp_path / "m.onnx"), weights)

    assert found.facts == {"task": "denoise"}


def test_half_precision_in_onnx_becomes_float32(weights, tmp_path):
    halves = {name: tensor.half().float() for name, tensor in weights.tensors.items()}

    path = as_onnx(weights, tmp_path / "m.onnx", half=True)

    assert_read(path, replace(weights, tensors=halves))


def test_onnx_files_of_others_are_refused(weights, tmp_path):
    path = as_onnx(weights, tmp_path / "m.onnx", stated={})

    with pytest.raises(WeightsError, match="is an ONNX file that mirnet did not write"):
        read(path)


def test_onnx_files_with_weights_elsewhere_are_refused(weights, tmp_path):
    path = as_onnx(weights, tmp_path / "m.onnx")
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, size_threshold=0, location="passwd")

    with pytest.raises(WeightsError, match="is in another file: export it anew"):
        read(path)


@pytest.mark.parametrize("kept", [0.2, 0.9])
def test_truncated_onnx_files_are_refused(weights, tmp_path, kept):
    path = as_onnx(weights, tmp_path / "m.onnx")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])

    with pytest.raises(WeightsError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
