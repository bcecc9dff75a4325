"""Every format gives what the source gives, and what does not is never left behind."""

import json
import logging
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from mirnet import export, runtimes
from mirnet.errors import InferenceError, ShapeError, WeightsError
from mirnet.export import mnn
from mirnet.export import onnx as onnx_export
from mirnet.models import checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import Configuration
from mirnet.restoration.restorer import Restorer
from mirnet.runtimes.mnn import MnnRuntime
from mirnet.runtimes.onnx import OnnxRuntime
from mirnet.runtimes.pytorch import PyTorchRuntime

SIZES = [(1, 4, 4), (2, 40, 28), (3, 100, 16)]  # none that the export checks itself


def noise(batch, height, width):
    return np.random.default_rng(1).random((batch, 3, height, width), np.float32)


def by_torch(weights, noisy):
    with torch.inference_mode():
        return weights.network()(torch.from_numpy(noisy)).numpy()


def test_the_network_of_these_tests_does_something(weights):
    """Else every format would agree."""
    noisy = noise(1, 32, 32)

    assert np.abs(by_torch(weights, noisy) - noisy).mean() > 0.05


@pytest.mark.parametrize("size", SIZES)
def test_onnx_agrees_with_the_source_at_any_size(onnx_file, weights, size):
    runtime, noisy = OnnxRuntime(onnx_file[0], threads=1), noise(*size)

    np.testing.assert_allclose(runtime(noisy), by_torch(weights, noisy), rtol=0, atol=1e-5)
    assert onnx_file[1] < 1e-5


def test_an_onnx_file_tells_what_it_is(onnx_file, graph_facts):
    onnx = pytest.importorskip("onnx")

    model = onnx.load(onnx_file[0])

    onnx.checker.check_model(model)
    facts = json.loads({prop.key: prop.value for prop in model.metadata_props}["mirnet"])
    assert facts == graph_facts
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == [
        "noisy",
        "restored",
    ]
    assert model.opset_import[0].version == onnx_export.OPSET
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)


def test_half_precision_halves_onnx_and_stays_within_its_rounding(
    onnx_file, weights, source, tmp_path
):
    onnx = pytest.importorskip("onnx")

    path, difference = export.export(source, "onnx", tmp_path, half=True)

    assert 1e-5 < difference < export.HALF_TOLERANCE
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for name, tensor in weights.tensors.items():
        np.testing.assert_array_equal(stored[f"{name}.half"], tensor.numpy().astype(np.float16))
        assert name not in stored
    runtime, noisy = OnnxRuntime(path, threads=1), noise(2, 40, 28)
    np.testing.assert_allclose(runtime(noisy), by_torch(weights, noisy), atol=4e-3)
    saved = onnx_file[0].stat().st_size - path.stat().st_size
    assert saved > 1.4 * sum(tensor.numel() for tensor in weights.tensors.values())


@pytest.mark.parametrize("size", SIZES)
def test_openvino_agrees_with_the_source_at_any_size(openvino_file, weights, size):
    runtime, noisy = runtimes.open(openvino_file[0], threads=1), noise(*size)

    assert runtime.name == "openvino"
    np.testing.assert_allclose(runtime(noisy), by_torch(weights, noisy), rtol=0, atol=1e-5)
    assert openvino_file[1] < 1e-5


def test_an_openvino_model_is_two_files_that_tell_what_they_are(openvino_file, graph_facts):
    path, _ = openvino_file
    assert sorted(file.name for file in path.parent.iterdir()) == ["little.bin", "little.xml"]
    assert export.files(path) == [path.with_suffix(".bin"), path]

    information = ElementTree.parse(path).getroot().find("rt_info")

    assert json.loads(information.find("mirnet").get("value")) == graph_facts
    assert "little.onnx" not in path.read_text()


def test_half_precision_halves_the_weights_of_openvino(openvino_file, weights, source, tmp_path):
    path, difference = export.export(source, "openvino", tmp_path, half=True)

    assert 1e-5 < difference < export.HALF_TOLERANCE
    halved, full = (file.with_suffix(".bin").stat().st_size for file in (path, openvino_file[0]))
    assert halved < 0.55 * full
    noisy = noise(2, 40, 28)
    restored = runtimes.open(path, threads=1)(noisy)
    np.testing.assert_allclose(restored, by_torch(weights, noisy), atol=4e-3)


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_a_file_of_one_size_restores_that_size(weights, source, tmp_path, format, picture):
    pytest.importorskip(runtimes.KINDS[format].package)
    path, difference = export.export(source, format, tmp_path, size=(32, 44))

    assert difference < 1e-5
    runtime, noisy = runtimes.open(path, runtime=format, threads=1), noise(1, 32, 44)
    assert runtime.facts.size == (32, 44)
    np.testing.assert_allclose(runtime(noisy), by_torch(weights, noisy), rtol=0, atol=1e-5)
    with pytest.raises(InferenceError, match="1x3x32x44 only, got 1x3x32x32"):
        runtime(noise(1, 32, 32))
    with Restorer(runtime) as restorer:
        assert restorer(picture(50, 70)).shape == (50, 70, 3)


def test_what_openvinos_converter_says_is_passed_on(weights, tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    from mirnet.export import openvino

    monkeypatch.setattr(onnx_export, "write", lambda _, path, size: path.write_bytes(b"no model"))
    root = logging.getLogger()
    before = root.level, root.filters.copy(), root.handlers.copy()

    with pytest.raises(WeightsError, match=r"^OpenVINO's converter failed: .+$"):
        openvino.write(weights, tmp_path / "x.xml")

    assert (root.level, root.filters, root.handlers) == before  # the converter changes it


def test_what_cannot_take_its_place_whole_is_not_left_in_part(source, tmp_path):
    pytest.importorskip("openvino")
    (tmp_path / "little.xml").mkdir()

    with pytest.raises(WeightsError, match=r"little\.xml cannot be written"):
        export.export(source, "openvino", tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["little.xml"]


@pytest.mark.parametrize(("half", "tolerance"), [(False, 1e-4), (True, 4e-3)])
def test_mnn_agrees_with_the_source_at_any_size(
    write_onnx, weights, source, tmp_path, monkeypatch, half, tolerance, graph_facts
):
    monkeypatch.setattr(onnx_export, "write", write_onnx)

    path, difference = export.export(source, "mnn", tmp_path, half=half)

    assert path == tmp_path / "little.mnn"
    assert difference < tolerance
    assert list(tmp_path.iterdir()) == [path]
    runtime = MnnRuntime(path, threads=1)
    assert runtime.facts.parameters == graph_facts["parameters"]
    for size in SIZES:
        noisy = noise(*size)
        np.testing.assert_allclose(runtime(noisy), by_torch(weights, noisy), rtol=0, atol=tolerance)


def test_half_precision_makes_mnn_smaller(mnn_files):
    full, halved = (mnn_files[half].stat().st_size for half in (False, True))

    assert halved < 0.8 * full


@pytest.mark.parametrize(("half", "kind"), [(False, np.float32), (True, np.float16)])
def test_weights_that_mnn_uses_several_times_are_stored_once(mnn_files, weights, half, kind):
    stored = mnn_files[half].read_bytes()

    convolutions = [tensor.numpy() for tensor in weights.tensors.values()]
    assert len(convolutions) > 30
    for convolution in convolutions:
        assert stored.count(convolution.astype(kind).tobytes()) == 1


def test_weights_stored_once_change_no_bit_of_what_mnn_computes(mnn_files, onnx_file, tmp_path):
    plain = tmp_path / "plain.mnn"
    files = ["--modelFile", onnx_file[0], "--MNNModel", plain]
    command = [sys.executable, "-c", mnn.CONVERT, "-f", "ONNX", *files]
    subprocess.run(command, capture_output=True, check=True)
    assert mnn_files[False].stat().st_size < plain.stat().st_size

    shared, expected = (MnnRuntime(path, threads=1) for path in (mnn_files[False], plain))
    for size in SIZES:
        np.testing.assert_array_equal(shared(noise(*size)), expected(noise(*size)))


def test_what_mnns_converter_says_is_passed_on(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "write", lambda _, path: path.write_bytes(b"no model"))

    with pytest.raises(WeightsError, match=r"MNN's converter failed: .+") as caught:
        mnn.write(weights, tmp_path / "x.mnn")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format", ["safetensors", "pth", "pdparams"])
def test_weights_go_through_other_formats_unchanged(weights, source, facts, tmp_path, format):
    path, difference = export.export(source, format, tmp_path / "new" / "folder", name="other")

    assert path == tmp_path / "new" / "folder" / f"other.{format}"
    assert difference == 0
    again = checkpoint.read(path)
    assert again.configuration == weights.configuration
    assert again.facts == facts
    for name, tensor in weights.tensors.items():
        assert torch.equal(again.tensors[name], tensor)


def test_half_precision_halves_safetensors_and_stays_within_its_rounding(weights, source, tmp_path):
    path, difference = export.export(source, "safetensors", tmp_path, half=True)

    assert 0 < difference < export.HALF_TOLERANCE
    assert path.stat().st_size < 0.65 * source.stat().st_size
    again = checkpoint.read(path)
    for name, tensor in weights.tensors.items():
        torch.testing.assert_close(again.tensors[name], tensor, rtol=2**-11, atol=1e-7)


def test_networks_with_other_channels_are_checked_too(tmp_path):
    grey = Configuration(width=8, groups=(1,), blocks_per_group=1, in_channels=1, out_channels=1)
    checkpoint.write(Weights.of(grey.network()), tmp_path / "grey.safetensors")

    path, difference = export.export(tmp_path / "grey.safetensors", "pth", tmp_path)

    assert difference == 0
    assert checkpoint.read(path).configuration == grey


@pytest.mark.parametrize(
    ("result", "stated"), [(lambda y: y + 3e-3, "3.0e-03"), (lambda y: y * np.nan, "nan")]
)
def test_a_result_that_differs_is_not_left_behind(source, tmp_path, monkeypatch, result, stated):
    class Wrong(PyTorchRuntime):
        def __call__(self, batch):
            return result(super().__call__(batch))

    monkeypatch.setattr(export, "_open", Wrong)
    (tmp_path / "little.pth").write_bytes(b"of old")

    with pytest.raises(WeightsError, match=rf"little.pth differs from .* by {stated}, more than"):
        export.export(source, "pth", tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["little.pth"]
    assert (tmp_path / "little.pth").read_bytes() == b"of old"


def test_a_nan_at_one_size_alone_is_enough(source, tmp_path, monkeypatch):
    """`max(0.0, nan)` is 0.0: such a file once passed."""

    class Wrong(PyTorchRuntime):
        def __call__(self, batch):
            restored = super().__call__(batch)
            return restored * np.nan if batch.shape[2] == 20 else restored

    monkeypatch.setattr(export, "_open", Wrong)

    with pytest.raises(WeightsError, match="by nan"):
        export.export(source, "pth", tmp_path)


@pytest.mark.parametrize(
    ("format", "half", "message"),
    [
        ("tflite", False, "no format 'tflite': choose onnx, openvino, mnn, safetensors, pth, pdp"),
        ("pth", True, "half precision is for onnx, openvino, mnn and safetensors, not for pth"),
        ("paddle", True, "half precision is for onnx, .* and safetensors, not for paddle"),
    ],
)
def test_what_there_is_not_is_refused(source, tmp_path, format, half, message):
    with pytest.raises(WeightsError, match=message):
        export.export(source, format, tmp_path / "out", half=half)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("format", "size", "error", "message"),
    [
        ("mnn", (64, 64), WeightsError, "a fixed size is for onnx and openvino, not for mnn"),
        ("onnx", (64, 66), ShapeError, "multiples of 4, at least 32, got 64x66"),
        ("onnx", (30, 64), ShapeError, "got 30x64"),
        ("openvino", (28, 64), ShapeError, "got 28x64"),
        ("openvino", (-64, 64), ShapeError, "got -64x64"),
    ],
)
def test_a_size_that_cannot_be_is_refused(source, tmp_path, format, size, error, message):
    with pytest.raises(error, match=message):
        export.export(source, format, tmp_path / "out", size=size)
    assert not (tmp_path / "out").exists()


EXPORT = """
import sys
from pathlib import Path
from mirnet import export
from mirnet.errors import MirnetError
try:
    export.export(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
except MirnetError as error:
    print(type(error).__name__ + ":", error)
"""


@pytest.mark.parametrize(
    ("format", "package", "install"),
    [
        ("onnx", "onnxruntime", "mirnet[onnx]"),
        ("openvino", "openvino", "mirnet[openvino]"),
        ("mnn", "MNN", "MNN"),
        ("paddle", "paddle", "mirnet[paddle]"),
    ],
)
def test_what_the_result_would_be_checked_with_is_asked_for_first(
    python, source, tmp_path, format, package, install
):
    done = python(EXPORT, source, format, tmp_path / "out", without=(package,))

    assert (done.returncode, done.stdout) == (
        0,
        f'RuntimeMissingError: the runtime {format} is not installed: pip install "{install}"\n',
    )
    assert not (tmp_path / "out").exists()


def test_the_source_is_never_replaced(source):
    before = source.read_bytes()

    with pytest.raises(WeightsError, match="is the source itself: choose another folder or name"):
        export.export(source, "safetensors", source.parent, half=True)
    assert source.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(source, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(WeightsError, match=r"cannot be written \(Not a directory\)"):
        export.export(source, "pth", tmp_path / "file" / "out")


def test_a_source_without_weights_is_refused(tmp_path):
    (tmp_path / "x.pth").write_bytes(b"nothing")

    with pytest.raises(WeightsError, match="is not a weights file"):
        export.export(tmp_path / "x.pth", "onnx", tmp_path)


def test_converting_for_mnn_installs_nothing():
    """Importing MNN's own script would fetch a logging client and report to it."""
    listed = "; print('MNN.tools' in sys.modules)"
    import_alone = mnn.CONVERT.replace("_tools.mnnconvert(['mnnconvert', *sys.argv[1:]])", "")
    assert import_alone != mnn.CONVERT

    done = subprocess.run(
        [sys.executable, "-c", import_alone.rstrip("; ") + listed],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split()[-1] == "False"
