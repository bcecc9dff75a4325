"""Models of others are tried in a process of their own, and refused before they do harm."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

import mirnet
from mirnet import runtimes
from mirnet.errors import WeightsError
from mirnet.models import catalog
from mirnet.runtimes import remembered, trial
from mirnet.system import subprocesses

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

ANY = ("batch", 3, "height", "width")
BUNDLED = {path.suffix: path for path in catalog.find("denoise-print").files()}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Nothing is remembered at first."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(remembered.platformdirs, "user_cache_path", lambda *_, **__: folder)
    return folder / "trials.json"


@pytest.fixture
def model(tmp_path):
    """A function that writes a model of the given nodes between `noisy` and `restored`."""

    def write(nodes, constants, gives=ANY, kind=onnx.TensorProto.FLOAT):
        noisy, restored = (
            onnx.helper.make_tensor_value_info(name, kind, shape)
            for name, shape in (("noisy", ANY), ("restored", gives))
        )
        numbers = [onnx.numpy_helper.from_array(v, name) for name, v in constants.items()]
        graph = onnx.helper.make_graph(nodes, "theirs", [noisy], [restored], numbers)
        made = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9
        )
        onnx.save(made, tmp_path / "theirs.onnx")
        return tmp_path / "theirs.onnx"

    return write


@pytest.fixture
def huge(model):
    """A function that writes a model which makes N x N numbers on the way to its result."""

    def write(side):
        nodes = [
            onnx.helper.make_node("Expand", ["seed", "shape"], ["huge"]),
            onnx.helper.make_node("ReduceMean", ["huge"], ["mean"], keepdims=0),
            onnx.helper.make_node("Add", ["noisy", "mean"], ["restored"]),
        ]
        seed = np.ones((1, 1), np.float32)
        return model(nodes, {"seed": seed, "shape": np.array([side, side], np.int64)})

    return write


def scaled(model, factor):
    node = onnx.helper.make_node("Mul", ["noisy", "factor"], ["restored"])
    return model([node], {"factor": np.array(factor, np.float32)})


@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_a_model_that_takes_all_memory_is_refused_in_one_line(huge, runtime):
    pytest.importorskip(runtimes.KINDS[runtime].package)

    with pytest.raises(WeightsError) as caught:
        runtimes.open(huge(10**6), runtime=runtime, device="cpu", threads=1)

    told = str(caught.value)
    assert "\n" not in told
    assert "theirs.onnx" in told


def test_a_crash_is_told_by_its_signal(model, monkeypatch):
    monkeypatch.setattr(trial, "START", "import os; os.abort()")

    with pytest.raises(
        WeightsError, match=r"theirs\.onnx is refused after .* crashes \(SIGABRT\)$"
    ):
        trial.check("onnx", scaled(model, 0.5))


def test_a_model_that_does_not_end_is_refused(model, monkeypatch):
    monkeypatch.setattr(trial, "LONGEST", 6)
    body_in = [
        onnx.helper.make_tensor_value_info("i", onnx.TensorProto.INT64, []),
        onnx.helper.make_tensor_value_info("on", onnx.TensorProto.BOOL, []),
        onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ANY),
    ]
    body_out = [
        onnx.helper.make_tensor_value_info("on2", onnx.TensorProto.BOOL, []),
        onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ANY),
    ]
    nodes = [
        onnx.helper.make_node("Identity", ["on"], ["on2"]),
        onnx.helper.make_node("Sin", ["x"], ["y"]),
    ]
    body = onnx.helper.make_graph(nodes, "body", body_in, body_out)
    loop = onnx.helper.make_node("Loop", ["count", "go", "noisy"], ["restored"], body=body)
    path = model([loop], {"count": np.array(10**12, np.int64), "go": np.array(True)})
    began = time.monotonic()

    with pytest.raises(WeightsError, match="takes longer than 6 s for one tile"):
        trial.check("onnx", path)

    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (0.0, "it gives the same value for every pixel"),
        (np.nan, "it gives values that are not finite"),
        (np.inf, "it gives values that are not finite"),
    ],
)
def test_a_result_that_is_no_picture_is_refused(model, cache, factor, said):
    with pytest.raises(WeightsError, match=said):
        runtimes.open(scaled(model, factor), runtime="onnx", device="cpu", threads=1)

    assert not cache.exists()


def test_a_result_of_another_size_is_refused(model):
    pool = onnx.helper.make_node(
        "MaxPool", ["noisy"], ["restored"], kernel_shape=[2, 2], strides=[2, 2]
    )

    with pytest.raises(WeightsError, match=r"makes 1x3x32x32 of 1x3x64x64, where 1x3x64x64 is ex"):
        runtimes.open(model([pool], {}), runtime="onnx", device="cpu", threads=1)


def test_a_model_of_bytes_is_refused_by_its_type(model):
    path = model(
        [onnx.helper.make_node("Identity", ["noisy"], ["restored"])],
        {},
        kind=onnx.TensorProto.UINT8,
    )

    with pytest.raises(WeightsError, match=r"takes tensor\(uint8\).*float32 in 0\.\.1"):
        runtimes.open(path, runtime="onnx", device="cpu", threads=1)


def test_a_sound_model_is_tried_once_and_remembered_by_its_content(model, cache, monkeypatch):
    path = scaled(model, 0.5)
    runtimes.open(path, runtime="onnx", device="cpu", threads=1).close()
    assert list(json.loads(cache.read_text()).values()) == ["theirs.onnx"]

    def refuse(*_, **__):
        raise AssertionError("a process was started")

    with monkeypatch.context() as patched:
        patched.setattr(subprocesses, "start", refuse)
        runtimes.open(path, runtime="onnx", device="cpu", threads=1).close()
    with pytest.raises(WeightsError, match="same value"):
        runtimes.open(scaled(model, 0.0), runtime="onnx", device="cpu", threads=1)


def test_ours_are_not_tried_wherever_they_lie_and_whatever_they_say(tmp_path, model, monkeypatch):
    copied = tmp_path / "mine.onnx"
    shutil.copy(BUNDLED[".onnx"], copied)
    liar = scaled(model, 0.5)
    loaded = onnx.load(liar)
    stated = {p.key: p.value for p in onnx.load(copied).metadata_props}
    onnx.helper.set_model_props(loaded, stated)
    onnx.save(loaded, liar)

    assert catalog.is_ours(copied)
    assert not catalog.is_ours(liar)
    monkeypatch.setattr(trial, "START", "import os; os.abort()")
    runtimes.open(copied, runtime="onnx", device="cpu", threads=1).close()
    with pytest.raises(WeightsError, match="crashes"):
        runtimes.open(liar, runtime="onnx", device="cpu", threads=1)


def test_python_and_evaluation_take_the_same_path(model, picture):
    path = scaled(model, 0.0)

    with pytest.raises(WeightsError, match="same value"):
        mirnet.restore(picture(40, 40), str(path))


def test_the_command_refuses_before_the_first_picture(huge, save, tmp_path):
    pytest.importorskip("openvino")
    noisy = save(tmp_path / "noisy.png")

    done = subprocess.run(
        [sys.executable, "-m", "mirnet", "restore", noisy, "--model", huge(10**6)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("mirnet: ")
    assert not (tmp_path / "noisy_restored.png").exists()
