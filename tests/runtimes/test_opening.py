import importlib.util
import re
import shutil

import numpy as np
import pytest

import mirnet
from mirnet import runtimes
from mirnet.errors import MirnetError, RuntimeMissingError, WeightsError
from mirnet.models import catalog
from mirnet.system import machine

BUNDLED = {path.suffix: path for path in catalog.find("denoise").files()}

OPEN = """
import sys
from mirnet import runtimes
from mirnet.errors import MirnetError
model, runtime, device = sys.argv[1:]
try:
    print("opened", runtimes.open(model, runtime=runtime, device=device).name)
except MirnetError as error:
    print(type(error).__name__ + ":", error)
"""


@pytest.fixture
def opened(python):
    """What becomes of opening a model in a process where packages are missing."""

    def attempt(model="denoise", runtime="auto", device="auto", *, without=()):
        done = python(OPEN, model, runtime, device, without=without)
        assert done.returncode == 0, done.stderr
        (line,) = done.stdout.splitlines()
        return line

    return attempt


def has_cuda():
    try:
        import torch
    except ModuleNotFoundError:
        return False
    return torch.cuda.is_available()


without_cuda = pytest.mark.skipif(has_cuda(), reason="here auto takes CUDA")


@pytest.mark.parametrize(
    ("sets", "first"),
    [
        (["AVX2"], ["mnn", "openvino", "onnx"]),
        (["AVX2", "AVX-512", "VNNI"], ["openvino", "mnn", "onnx"]),
        (["NEON"], ["mnn", "openvino", "onnx"]),
        ([], ["mnn", "openvino", "onnx"]),
    ],
)
def test_the_processor_decides_which_is_the_fastest(monkeypatch, sets, first):
    monkeypatch.setattr(machine, "instruction_sets", lambda: sets)

    assert runtimes.by_speed()[:3] == first
    assert sorted(runtimes.by_speed()) == sorted(runtimes.KINDS)
    assert [name for name in runtimes.files() if name in first] == [
        name for name in first if importlib.util.find_spec(runtimes.KINDS[name].package)
    ]


@without_cuda
@pytest.mark.parametrize(
    ("without", "chosen"),
    [
        ((), {"mnn", "openvino", "onnx"}),
        (("torch", "onnxruntime", "openvino"), {"mnn"}),
        (("MNN",), {"openvino", "onnx"}),
        (("MNN", "openvino"), {"onnx"}),
        (("MNN", "openvino", "onnxruntime"), {"pytorch"}),
    ],
)
def test_auto_takes_the_fastest_that_is_installed(opened, without, chosen):
    for package in ("onnxruntime", "openvino", "torch"):
        pytest.importorskip(package)
    assert opened(without=without) in {f"opened {name}" for name in chosen}


def test_with_no_runtime_at_all_the_message_names_them_all(opened):
    line = opened(device="cpu", without=("MNN", "openvino", "onnxruntime", "torch"))

    assert line.startswith("RuntimeMissingError: no runtime for denoise on cpu is installed: pip ")
    hints = line.partition(" installed: ")[2].split(" or ")
    assert hints == [
        f'pip install "{runtimes.KINDS[name].install}"'
        for name in runtimes.by_speed()
        if name != "paddle"
    ]


@pytest.mark.parametrize(
    ("runtime", "package", "install"),
    [
        ("mnn", "MNN", "MNN"),
        ("openvino", "openvino", "mirnet[openvino]"),
        ("onnx", "onnxruntime", "mirnet[onnx]"),
        ("pytorch", "torch", "mirnet[train]"),
        ("paddle", "paddle", "mirnet[paddle]"),
    ],
)
def test_a_runtime_that_is_missing_says_how_to_get_it(opened, runtime, package, install):
    line = opened(runtime=runtime, without=(package,))

    assert line == (
        f'RuntimeMissingError: the runtime {runtime} is not installed: pip install "{install}"'
    )


def test_a_runtime_that_is_half_installed_says_how_to_get_it(opened):
    """As torch alone, without what else the extra brings."""
    pytest.importorskip("torch")
    line = opened(runtime="pytorch", device="cpu", without=("safetensors",))

    assert re.fullmatch(
        r"RuntimeMissingError: the runtime pytorch cannot be loaded \(.*safetensors.*\): "
        r'pip install "mirnet\[train\]"|WeightsError: .*safetensors.*',
        line,
    )


@pytest.mark.parametrize(
    ("suffix", "chosen", "package"),
    [
        (".mnn", {"mnn"}, "MNN"),
        (".onnx", {"openvino", "onnx"}, "openvino"),
        (".safetensors", {"pytorch"}, "torch"),
    ],
)
def test_a_file_is_opened_by_the_runtime_that_reads_it(tmp_path, suffix, chosen, package):
    pytest.importorskip(package)
    path = tmp_path / f"mine{suffix.upper()}"
    if suffix == ".safetensors":
        from mirnet.models import checkpoint

        checkpoint.write(checkpoint.read(catalog.find("denoise").weights()), path)
    else:
        shutil.copy(BUNDLED[suffix], path)

    runtime = runtimes.open(path)

    assert runtime.name in chosen
    runtime.close()


@pytest.mark.parametrize("given", [str, lambda path: path])
def test_a_runtime_may_be_named(given):
    pytest.importorskip("onnxruntime")
    assert runtimes.open(given(BUNDLED[".onnx"]), runtime="onnx", device="cpu").name == "onnx"


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        (
            "denoize",
            {},
            WeightsError,
            r"^no model 'denoize': give a file, or one of: denoise, denoise-tiny, denoise-print$",
        ),
        (".", {}, WeightsError, r"^no model '\.': give a file"),
        ("gone.onnx", {}, WeightsError, r"^no model 'gone\.onnx'"),
        (
            "model.txt",
            {},
            WeightsError,
            r"no runtime reads \.txt; known are \.mnn \.xml \.onnx \.s",
        ),
        ("model", {}, WeightsError, r"model: no runtime reads a file without a suffix; known are"),
        ("model.onnx", {"runtime": "mnn"}, WeightsError, r"the runtime mnn reads \.mnn, and mod"),
        ("model.mnn", {"device": "cuda"}, RuntimeMissingError, "no runtime runs model.mnn on cuda"),
        ("denoise", {"runtime": "tensorrt"}, RuntimeMissingError, "choose auto, mnn, openvino, on"),
        ("denoise", {"device": "tpu"}, RuntimeMissingError, "no device 'tpu': choose auto, cpu, c"),
        (
            "denoise",
            {"runtime": "mnn", "device": "cuda"},
            RuntimeMissingError,
            "^the runtime mnn does not run on cuda$",
        ),
        (
            "model.onnx",
            {"runtime": "openvino", "device": "coreml"},
            RuntimeMissingError,
            "^the runtime openvino does not run on coreml$",
        ),
    ],
)
def test_what_cannot_be_opened_is_explained(tmp_path, monkeypatch, model, options, error, message):
    monkeypatch.chdir(tmp_path)
    for name in ("model", "model.txt", "model.mnn", "model.onnx"):
        (tmp_path / name).touch()

    with pytest.raises(error, match=message):
        runtimes.open(model, **options)


def test_every_error_can_be_caught_as_one():
    with pytest.raises(MirnetError):
        mirnet.load("denoize")


def test_loading_checks_tile_and_strength():
    with pytest.raises(MirnetError, match=r"multiple of \d+ and at least \d+, got 30"):
        mirnet.load("denoise", tile=30)
    with pytest.raises(MirnetError, match="from 0 to 1, got 2"):
        mirnet.load("denoise", strength=2.0)


def test_an_array_is_restored_in_one_call(picture):
    image = picture(20, 30)
    restored = mirnet.restore(image, strength=0.5)

    assert restored.shape == image.shape
    assert restored.dtype == np.uint8
    assert (restored != image).any()


PRINTING = """
import sys
import numpy as np
import mirnet
with mirnet.load(runtime=sys.argv[1]) as restorer:
    restorer(np.zeros((20, 30, 3), np.uint8))
"""

WITHOUT_TORCH = """
import sys
import numpy as np
import mirnet
with mirnet.load() as restorer:
    restored = restorer(np.full((20, 30, 3), 77, np.uint8))
assert restored.shape == (20, 30, 3), restored.shape
assert "torch" not in sys.modules
print(restorer.runtime.name)
"""


@pytest.mark.parametrize(
    ("without", "names"),
    [
        (("torch",), {"mnn", "openvino", "onnx"}),
        (("torch", "MNN"), {"openvino", "onnx"}),
        (("torch", "MNN", "openvino"), {"onnx"}),
    ],
)
def test_the_bundled_model_works_without_pytorch(python, without, names):
    for package in ("onnxruntime", "openvino"):
        pytest.importorskip(package)
    extras = ("lightning_fabric", "onnx", "onnxscript", "safetensors", "tensorboard", "rawpy")

    done = python(WITHOUT_TORCH, without=(*without, *extras))

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in names


@pytest.mark.parametrize("runtime", ["mnn", "openvino", "onnx"])
def test_the_library_prints_nothing(python, runtime):
    pytest.importorskip(runtimes.KINDS[runtime].package)
    done = python(PRINTING, runtime)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


FILES = """
import sys
from mirnet import runtimes
print(*(f"{name}={path.name}" for name, path in runtimes.files(device=sys.argv[1]).items()))
"""


@pytest.mark.parametrize(
    ("device", "without", "expected"),
    [
        ("auto", (), {"mnn": ".mnn", "onnx": ".onnx", "pytorch": ".onnx"}),
        ("cpu", ("MNN",), {"mnn": None, "onnx": ".onnx", "pytorch": ".onnx"}),
        ("cuda", (), {"mnn": None, "pytorch": ".onnx"}),
    ],
)
def test_each_installed_runtime_has_its_file_of_a_model(python, device, without, expected):
    done = python(FILES, device, without=without)

    assert done.returncode == 0, done.stderr
    found = dict(word.split("=") for word in done.stdout.split())
    for name, suffix in expected.items():
        assert found.get(name) == (suffix and f"denoise{suffix}")


def test_a_model_that_no_runtime_reads_has_no_files(tmp_path):
    path = tmp_path / "notes.txt"
    path.touch()
    with pytest.raises(WeightsError, match=r"no runtime reads \.txt"):
        runtimes.files(path)
    with pytest.raises(WeightsError, match="no model 'denoize'"):
        runtimes.files("denoize")
    with pytest.raises(RuntimeMissingError, match="no device 'abacus'"):
        runtimes.files(device="abacus")
    with pytest.raises(RuntimeMissingError, match=r"no runtime runs .* on cuda"):
        runtimes.files(BUNDLED[".mnn"], device="cuda")
