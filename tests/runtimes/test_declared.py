"""What each runtime declares of a file, and what is said of models that no picture fits."""

import json

import pytest
import torch

from mirnet import runtimes
from mirnet.errors import WeightsError
from mirnet.export import export
from mirnet.models import catalog
from mirnet.models.checkpoint import Weights, read, write
from mirnet.models.facts import Facts
from mirnet.models.mirnetv2.network import Configuration
from mirnet.restoration.restorer import Restorer, check
from mirnet.runtimes.pytorch import PyTorchRuntime

BUNDLED = {path.suffix: path for path in catalog.find("denoise").files()}
FILES = {"mnn": ".mnn", "openvino": ".onnx", "onnx": ".onnx", "pytorch": ".onnx"}
LITTLE = Configuration(width=8, groups=(1,), blocks_per_group=1)


def of_the_default():
    """What the default model is, by its tensors."""
    weights = read(catalog.find("denoise").weights())
    parameters = sum(tensor.numel() for tensor in weights.tensors.values())
    multiple = weights.configuration.multiple
    return Facts(task="denoise", parameters=parameters, multiple=multiple)


@pytest.fixture
def save(tmp_path):
    """A function that writes random weights of a configuration, and returns the file."""

    def write_file(configuration, suffix=".safetensors", **facts):
        path = tmp_path / f"model{suffix}"
        write(Weights.of(configuration.network(), facts), path)
        return path

    return write_file


@pytest.fixture
def onnx_model(tmp_path):
    """A function that writes an ONNX file which hands on what it is given."""
    onnx = pytest.importorskip("onnx")

    def write_file(shape, kind="FLOAT", **facts):
        number = getattr(onnx.TensorProto, kind)
        ends = [onnx.helper.make_tensor_value_info(name, number, shape) for name in ("x", "y")]
        node = onnx.helper.make_node("Identity", ["x"], ["y"])
        graph = onnx.helper.make_graph([node], "identity", ends[:1], ends[1:])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
        model.ir_version = 9
        if facts:
            onnx.helper.set_model_props(model, {"mirnet": json.dumps(facts), "author": "me"})
        onnx.save(model, tmp_path / "model.onnx")
        return tmp_path / "model.onnx"

    return write_file


def opened(path, runtime):
    pytest.importorskip(runtimes.KINDS[runtime].package)
    return runtimes.open(path, runtime=runtime, device="cpu", threads=1)


@pytest.mark.parametrize("runtime", FILES)
def test_of_the_bundled_model_all_declare_the_same(runtime):
    model = opened("denoise", runtime)

    assert model.facts == of_the_default()


@pytest.mark.parametrize("format", ["mnn", "openvino", "onnx", "paddle", "pth", "pdparams"])
def test_an_exported_file_declares_what_its_source_does(save, tmp_path, format):
    if format == "paddle":
        pytest.importorskip("mirnet.runtimes.paddle")
    configuration = Configuration(width=8, groups=(1,), blocks_per_group=1, unshuffle=2, window=48)
    source = save(configuration, task="denoise", note='<ü> & "more"\n')
    reader = {"pth": "pytorch", "pdparams": "pytorch"}.get(format, format)
    if format != "paddle":
        pytest.importorskip(runtimes.KINDS[reader].package)

    path, _ = export(source, format, tmp_path / "out")
    facts = opened(path, reader).facts

    assert facts == PyTorchRuntime(source).facts
    assert (facts.multiple, facts.task) == (16, "denoise")
    if format == "onnx":  # the weights can be read from it again
        ours, theirs = read(source), read(path)
        assert theirs.configuration == ours.configuration == configuration
        assert all(torch.equal(ours.tensors[name], theirs.tensors[name]) for name in ours.tensors)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_shapes_of_others_show(onnx_model, runtime):
    facts = opened(onnx_model([1, 3, 64, 96]), runtime).facts

    assert facts == Facts(size=(64, 96))


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_statement_is_found_among_others(onnx_model, runtime):
    facts = opened(onnx_model(["b", 3, "h", "w"], multiple=8, parameters=5), runtime).facts

    assert facts == Facts(multiple=8, parameters=5)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_model_that_takes_no_floats_is_refused_in_one_line(onnx_model, runtime):
    path = onnx_model([1, 3, "h", "w"], "UINT8")

    with pytest.raises(WeightsError, match=r"^.*model\.onnx takes .*8.*float32 in 0\.\.1; .*$"):
        opened(path, runtime)


def test_dual_pixels_are_refused_by_what_the_model_takes(save):
    path = save(Configuration(8, (1,), 1, in_channels=6, residual=False), ".pth")

    runtime = opened(path, "pytorch")

    assert (runtime.facts.in_channels, runtime.facts.out_channels) == (6, 3)
    with pytest.raises(
        WeightsError, match=r"^this model takes pictures of 6 channels and gives 3: here, one "
    ):
        check(runtime.facts, is_plain=True)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize(
    ("shape", "facts", "said"),
    [
        (["b", 1, "h", "w"], {}, "takes pictures of 1 channel and gives 1: "),
        (["b", 3, "h", "w"], {"task": "classify"}, "and gives 3, for classify: "),
        ([1, 3, 16, 16], {}, "and 16x16 pixels and gives 3: a tile is of 32 pixels at least"),
    ],
)
def test_what_no_picture_fits_is_refused_by_what_it_takes(onnx_model, runtime, shape, facts, said):
    model = opened(onnx_model(shape, **facts), runtime)

    with pytest.raises(WeightsError, match=f"^this model .*{said}"):
        Restorer(model)


def test_the_first_runtime_that_opens_a_model_says_what_it_declares():
    assert runtimes.facts("denoise") == of_the_default()


def test_a_model_that_none_can_open_is_refused(tmp_path):
    (tmp_path / "none.onnx").write_bytes(b"nothing")

    with pytest.raises(WeightsError, match=r"none\.onnx"):
        runtimes.facts(tmp_path / "none.onnx")
