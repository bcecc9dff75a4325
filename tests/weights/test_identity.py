"""What is said of a model file is so: its parameters by PyTorch, its digest by other programs."""

import hashlib
import json
import shutil
import subprocess

import pytest
import torch

from mirnet.errors import WeightsError
from mirnet.training import checkpoint as training
from mirnet.weights import catalog, identity
from mirnet.weights.checkpoint import read, write

BUNDLED = catalog.find("denoise")


def count(network):
    """Parameters as PyTorch counts them."""
    return sum(parameter.numel() for parameter in network.parameters())


def test_of_the_bundled_model_the_parameters_are_those_of_its_network():
    path = BUNDLED.weights()

    assert identity.parameters(path) == count(read(path).network()) == 781392


@pytest.mark.parametrize("suffix", [".safetensors", ".SAFETENSORS", ".pth", ".pdparams"])
def test_of_files_that_we_write_the_parameters_are_those_of_the_network(weights, suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    write(weights, path)

    assert identity.parameters(path) == count(weights.network())


def test_half_as_many_bytes_are_as_many_parameters(weights, tmp_path):
    path = tmp_path / "model.safetensors"
    write(weights, path, half=True)

    assert identity.parameters(path) == count(weights.network())


def test_of_a_training_checkpoint_one_network_is_counted(weights, tmp_path):
    path = tmp_path / "last.ckpt"
    state = {"network": weights.tensors, "ema": weights.tensors, "optimizer": weights.tensors}
    training.save(state | {"facts": {}}, path)

    assert identity.parameters(path) == count(weights.network())


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (".safetensors", ".pth"),
        (".safetensors", ".ckpt"),
        (".pth", ".pdparams"),
        (".pth", ".ckpt"),
        (".pdparams", ".pth"),
        (".pdparams", ".safetensors"),
    ],
)
def test_the_content_decides_not_the_suffix(weights, written, named, tmp_path):
    path = tmp_path / f"written{written}"
    write(weights, path)

    renamed = path.rename(tmp_path / f"named{named}")

    assert identity.parameters(renamed) == count(weights.network())


@pytest.mark.parametrize(
    ("facts", "count"),
    [({"parameters": 781392}, 781392), ({"parameters": "many"}, None), ({"task": "denoise"}, None)],
)
def test_an_exported_file_is_believed(facts, count, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(BUNDLED.weights().with_suffix(".onnx"))
    onnx.helper.set_model_props(model, {"mirnet": json.dumps(facts)})
    onnx.save(model, tmp_path / "model.ONNX")

    assert identity.parameters(tmp_path / "model.ONNX") == count


@pytest.mark.parametrize("suffix", [".onnx", ".ONNX", ".mnn"])
def test_what_we_export_is_believed_and_has_no_count_without_its_text(suffix, tmp_path):
    original = BUNDLED.weights().with_suffix(suffix.lower())
    path = tmp_path / f"model{suffix}"
    path.write_bytes(original.read_bytes().replace(b'"parameters"', b'"PARAMETERS"', 1))

    assert identity.parameters(original) == 781392
    assert identity.parameters(path) is None


@pytest.mark.parametrize("content", [b"", b"nothing", bytes(100), b"\x20" + bytes(7) + b"{"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".ckpt"])
def test_files_that_hold_no_weights_are_refused(content, suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)

    with pytest.raises(WeightsError, match=f"^{path}: "):
        identity.parameters(path)


@pytest.mark.parametrize("size", [0, 1, 3 * 2**20 + 1])
def test_the_digest_is_that_of_the_whole_file(size, tmp_path):
    path = tmp_path / "model.onnx"
    content = bytes(range(256)) * (size // 256) + b"\n" * (size % 256)
    path.write_bytes(content)

    assert identity.digest(path) == hashlib.sha256(content).hexdigest()


def test_the_digest_is_what_sha256sum_prints():
    if not shutil.which("sha256sum"):
        pytest.skip("there is no sha256sum")
    for path in BUNDLED.files():
        printed = subprocess.run(
            ["sha256sum", path], capture_output=True, text=True, check=True
        ).stdout

        assert identity.digest(path) == printed.split()[0]


def test_what_is_not_there_has_neither(tmp_path):
    with pytest.raises(OSError, match=r"gone\.onnx"):
        identity.digest(tmp_path / "gone.onnx")
    with pytest.raises(OSError, match=r"gone\.safetensors"):
        identity.parameters(tmp_path / "gone.safetensors")


SCRIPT = """
import sys
from mirnet.weights import catalog, identity
path = catalog.file(sys.argv[1])
print(identity.parameters(path), identity.digest(path))
print(*(name for name in ("torch", "safetensors", "numpy") if name in sys.modules))
"""


@pytest.mark.parametrize("without", [(), ("torch", "safetensors", "numpy")])
def test_the_bundled_model_is_told_without_any_package(python, without):
    done = python(SCRIPT, "denoise", without=without)

    digest = hashlib.sha256(BUNDLED.weights().read_bytes()).hexdigest()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"781392 {digest}\n\n"


def test_of_bare_tensors_under_official_names_the_count_is_the_same(weights, tmp_path):
    write(weights, tmp_path / "ours.pth")
    official = torch.load(tmp_path / "ours.pth", weights_only=True)["params"]
    torch.save(official, tmp_path / "bare.pth")

    assert identity.parameters(tmp_path / "bare.pth") == sum(t.numel() for t in official.values())
