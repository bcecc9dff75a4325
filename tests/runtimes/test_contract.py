"""What `restoration.runtime.Runtime` promises, of every runtime that is installed."""

import shutil
import sys

import numpy as np
import pytest

from mirnet.errors import InferenceError, WeightsError
from mirnet.models import catalog
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import Runtime

BUNDLED = {path.suffix: path for path in catalog.find("denoise-print").files()}
WEIGHTS = catalog.find("denoise-print").weights()
SUFFIXES = {
    "mnn": ".mnn",
    "openvino": ".onnx",
    "onnx": ".onnx",
    "pytorch": ".onnx",
    "paddle": ".pdiparams",
}
PACKAGES = {
    "mnn": "MNN",
    "openvino": "openvino",
    "onnx": "onnxruntime",
    "pytorch": "torch",
    "paddle": "mirnet.runtimes.paddle",  # which imports Paddle without its warnings
}
SIZES = [(4, 4), (4, 60), (64, 36), (96, 128), (192, 192)]

AGREEMENT = 2e-5
"""Winograd convolutions round differently: in squares of 4, as MNN is made to take, by some
millionths; in squares of 6 it would be some ten thousandths."""


def start(name, path):
    pytest.importorskip(PACKAGES[name])
    if name == "mnn":
        from mirnet.runtimes.mnn import MnnRuntime

        return MnnRuntime(path, threads=1)
    if name == "openvino":
        from mirnet.runtimes.openvino import OpenVinoRuntime

        return OpenVinoRuntime(path, threads=1)
    if name == "onnx":
        from mirnet.runtimes.onnx import OnnxRuntime

        return OnnxRuntime(path, threads=1)
    if name == "paddle":
        from mirnet.runtimes.paddle import PaddleRuntime

        return PaddleRuntime(path, threads=1)
    from mirnet.runtimes.pytorch import PyTorchRuntime

    return PyTorchRuntime(path)


@pytest.fixture(scope="module", params=SUFFIXES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name, request):
    """The bundled model; for Paddle it is exported first."""
    if name == "paddle":
        return request.getfixturevalue("paddle_model")
    return BUNDLED[SUFFIXES[name]]


@pytest.fixture(scope="module")
def runtime(name, model):
    opened = start(name, model)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reference():
    return start("pytorch", WEIGHTS)


def noise(batch, height, width, seed=0):
    return np.random.default_rng(seed).random((batch, 3, height, width), np.float32)


def test_it_is_a_runtime_that_knows_its_name(runtime, name):
    assert isinstance(runtime, Runtime)
    assert runtime.name == name


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("batch", [1, 2])
def test_what_goes_in_comes_out_at_the_same_size(runtime, batch, height, width):
    noisy = noise(batch, height, width)
    before = noisy.copy()

    restored = runtime(noisy)

    assert restored.shape == noisy.shape
    assert restored.dtype == np.float32
    assert np.isfinite(restored).all()
    np.testing.assert_array_equal(noisy, before)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_all_runtimes_agree(runtime, reference, height, width):
    noisy = noise(2, height, width)

    np.testing.assert_allclose(runtime(noisy), reference(noisy), atol=AGREEMENT)


def test_it_does_something(runtime):
    noisy = noise(1, 32, 32)

    assert np.abs(runtime(noisy) - noisy).max() > 0.02


def test_a_result_is_left_alone_by_the_next_call(runtime):
    first = runtime(noise(1, 32, 32))
    copy = first.copy()
    runtime(noise(1, 32, 32, seed=1))

    np.testing.assert_array_equal(first, copy)


def test_the_same_batch_gives_the_same_result(runtime):
    first = runtime(noise(1, 32, 48))
    runtime(noise(2, 64, 64))

    np.testing.assert_array_equal(runtime(noise(1, 32, 48)), first)


def test_what_comes_out_does_not_depend_on_what_was_restored_before(name, model):
    """MNN chose how to convolve by the first batch, and kept to it."""
    noisy = noise(1, 40, 56)
    results = []
    for before in ((16, 16), (128, 96), (40, 56)):
        opened = start(name, model)
        opened(noise(1, *before))
        results.append(opened(noisy))
        opened.close()

    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])


def test_pictures_of_one_batch_do_not_see_each_other(runtime):
    both = noise(2, 32, 48)

    together = runtime(both)

    for i in range(2):
        np.testing.assert_allclose(runtime(both[i : i + 1]), together[i : i + 1], atol=1e-5)


def test_any_memory_layout_is_taken(runtime):
    noisy = noise(1, 32, 48)
    expected = runtime(noisy)
    noisy.flags.writeable = False
    strided = np.asfortranarray(noisy)

    np.testing.assert_array_equal(runtime(noisy), expected)
    np.testing.assert_array_equal(runtime(strided), expected)


def test_it_closes_twice_and_then_refuses_in_one_line(name, model):
    runtime = start(name, model)
    restorer = Restorer(runtime)
    runtime.close()
    runtime.close()

    with pytest.raises(InferenceError, match=r"^this runtime was closed$"):
        runtime(noise(1, 8, 8))
    with pytest.raises(InferenceError, match="closed"):
        restorer(np.zeros((8, 8), np.uint8))


def contents():
    """What a model file may hold instead of a model, made of the model's bytes."""
    rng = np.random.default_rng(0)
    yield "nothing", lambda model: b""
    yield "zeros", lambda model: bytes(1000)
    yield "text", lambda model: b"<html>404: not found</html>\n" * 9
    yield "garbage", lambda model: rng.bytes(5000)
    yield "its first bytes", lambda model: model[:20]
    yield "half of it", lambda model: model[: len(model) // 2]
    yield "all but the end", lambda model: model[:-100]
    onnx, mnn = (BUNDLED[suffix].read_bytes() for suffix in (".onnx", ".mnn"))
    yield "a model of others", lambda model: mnn if model == onnx else onnx


@pytest.mark.parametrize(("content"), [pytest.param(make, id=what) for what, make in contents()])
def test_a_file_that_is_no_model_is_refused_in_one_line(name, model, content, tmp_path):
    for beside in model.parent.glob(f"{model.stem}.json"):  # Paddle's program
        shutil.copy(beside, tmp_path / "broken.json")
    path = tmp_path / f"broken{model.suffix}"
    path.write_bytes(content(model.read_bytes()))

    with pytest.raises(WeightsError, match="broken") as caught:
        start(name, path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_in_one_line(name, tmp_path):
    with pytest.raises(WeightsError, match="gone") as caught:
        start(name, tmp_path / f"gone{SUFFIXES[name]}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["onnx", "openvino"], scope="function")
def test_a_model_that_does_something_else_is_refused(name, tmp_path):
    pytest.importorskip(PACKAGES[name])
    onnx = pytest.importorskip("onnx")
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 8, 8])
        for name in ("x", "y", "z")
    ]
    add = onnx.helper.make_node("Add", ["x", "y"], ["z"])
    graph = onnx.helper.make_graph([add], "sum", values[:2], values[2:])
    opset = onnx.helper.make_opsetid("", 17)
    path = tmp_path / "sum.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9), path)

    with pytest.raises(WeightsError, match="has 2 and 1"):
        start(name, path)


def test_a_size_that_a_model_does_not_take_ends_in_one_line():
    runtime = start("onnx", BUNDLED[".onnx"])

    with pytest.raises(InferenceError, match=r"ONNX Runtime failed on \(1, 3, 0, 8\)") as caught:
        runtime(noise(1, 0, 8))
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_there_ends_in_one_line():
    torch = pytest.importorskip("torch")
    from mirnet.runtimes.pytorch import PyTorchRuntime

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    words = "PyTorch cannot use the device cuda: .+; choose an available one, such as cpu"
    with pytest.raises(InferenceError, match=words) as caught:
        PyTorchRuntime(WEIGHTS, device="cuda")
    assert "\n" not in str(caught.value)


def test_a_network_in_memory_becomes_a_runtime(reference):
    pytest.importorskip("torch")
    from mirnet.models import checkpoint
    from mirnet.runtimes.pytorch import PyTorchRuntime

    network = checkpoint.read(WEIGHTS).network()
    noisy = noise(1, 32, 32)

    np.testing.assert_array_equal(PyTorchRuntime.of(network.train())(noisy), reference(noisy))


SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np
import psutil
from mirnet.errors import MirnetError
from mirnet.restoration.restorer import Restorer

name, path, allowed = sys.argv[1:]
if name == "mnn":
    from mirnet.runtimes.mnn import MnnRuntime
    runtime = MnnRuntime(Path(path), threads=1)
elif name == "openvino":
    from mirnet.runtimes.openvino import OpenVinoRuntime
    runtime = OpenVinoRuntime(Path(path), threads=1)
elif name == "onnx":
    from mirnet.runtimes.onnx import OnnxRuntime
    runtime = OnnxRuntime(Path(path), threads=1)
elif name == "paddle":
    from mirnet.runtimes.paddle import PaddleRuntime
    runtime = PaddleRuntime(Path(path), threads=1)
else:
    from mirnet.runtimes.pytorch import PyTorchRuntime
    runtime = PyTorchRuntime(Path(path))
image = np.random.default_rng(0).random((248, 248, 3), np.float32)  # and a border of four
runtime(np.zeros((1, 3, 32, 32), np.float32))
now = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (now + int(allowed) * 2**20,) * 2)
try:
    restored = Restorer(runtime, tile=256, overlap=32)(image)
except (MirnetError, MemoryError) as error:
    print("refused:", type(error).__name__, error)
else:
    print("restored", np.isfinite(restored).all())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory so")
@pytest.mark.parametrize("share", [1, 3])
def test_a_real_lack_of_memory_never_ends_in_a_crash(python, name, model, share):
    pytest.importorskip(PACKAGES[name])
    allowed = share * (7 if name == "openvino" else 20)  # which does with less

    done = python(SHORT_OF_MEMORY, name, model, allowed)

    assert done.returncode == 0, done.stderr
    if "restored True" in done.stdout:
        assert "not enough memory for tiles of 256" in done.stderr
    else:
        assert "refused: " in done.stdout
