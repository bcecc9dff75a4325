"""The links after training: what a model does is measured, and files that do otherwise noticed."""

import shutil

import numpy as np
import pytest
import torch

from mirnet import export, metrics
from mirnet.chain import links, preparing
from mirnet.chain.parts import LinkPart, Status, run
from mirnet.errors import RuntimeMissingError, WeightsError
from mirnet.models import catalog, checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import Configuration
from mirnet.pictures import codec

BUNDLED = catalog.find("denoise").weights()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory, save):
    """Two pairs with camera noise."""
    folder = tmp_path_factory.mktemp("pairs")
    for number in (1, 2):
        halves = preparing.photograph(preparing.draw(number, 48, 64), number)
        for half, pixels in zip(("noisy", "clean"), halves, strict=True):
            save(folder / half / f"{number}.png", pixels=pixels)
    return folder


@pytest.fixture(scope="module")
def evaluated(pairs, tmp_path_factory):
    """The folder of restored pictures, with those of the bundled model, and the link's findings."""
    restored = tmp_path_factory.mktemp("restored")
    return restored, links.evaluate(BUNDLED, pairs, restored)


@pytest.fixture
def models(tmp_path):
    """A folder of exported files: the bundled model's."""
    for path in catalog.find("denoise").files():
        place = tmp_path / "models" / path.suffix[1:]
        place.mkdir(parents=True)
        shutil.copy(path, place)
    place = tmp_path / "models" / "safetensors"
    place.mkdir()
    checkpoint.write(checkpoint.read(BUNDLED), place / "denoise.safetensors")
    return tmp_path / "models"


def read(folder):
    return [codec.read(folder / f"{number}.png") for number in (1, 2)]


def mean_psnr(pictures, pairs):
    return np.mean(
        [
            metrics.psnr(picture, truth, data_range=255)
            for picture, truth in zip(pictures, read(pairs / "clean"), strict=True)
        ]
    )


def inferred(name, models, pairs, restored, device="cpu"):
    """What became of one runtime, by the runner."""
    part = LinkPart(
        "infer", name, lambda: links.infer(name, device, models, pairs, restored), optional=True
    )
    (result,) = run([part])
    return result


def test_the_gain_is_that_of_the_saved_pictures(evaluated, pairs):
    restored, findings = evaluated

    (gain,) = findings.checks
    after, before = (
        mean_psnr(read(restored / "reference"), pairs),
        mean_psnr(read(pairs / "noisy"), pairs),
    )
    assert gain.is_met
    assert gain.figure == pytest.approx(after - before, abs=0.02)  # they are rounded
    assert findings.details["input_psnr"] == pytest.approx(before, abs=1e-4)
    assert findings.details["restored_psnr_8bit"] == pytest.approx(after, abs=1e-4)
    assert findings.details["pictures"] == 2


def test_a_network_that_does_nothing_gains_too_little(pairs, tmp_path):
    network = Configuration(width=8, groups=(1,), blocks_per_group=1).network()
    network.tail.weight.data.zero_()
    checkpoint.write(Weights.of(network, {}), tmp_path / "nothing.safetensors")

    (gain,) = links.evaluate(tmp_path / "nothing.safetensors", pairs, tmp_path / "out").checks

    assert gain.figure == pytest.approx(0, abs=1e-6)
    assert not gain.is_met


@pytest.mark.parametrize("name", ["mnn", "onnx", "pytorch"])
def test_every_runtime_restores_what_the_reference_is(name, models, pairs, evaluated):
    restored, _ = evaluated

    result = inferred(name, models, pairs, restored)

    assert result.status == Status.PASSED, result.reason
    ours, reference = read(restored / f"{name}-cpu"), read(restored / "reference")
    levels = max(np.abs(a.astype(int) - b).max() for a, b in zip(ours, reference, strict=True))
    apart = abs(mean_psnr(ours, pairs) - mean_psnr(reference, pairs))
    assert [check.figure for check in result.checks] == pytest.approx([levels, apart], abs=1e-4)
    assert levels <= 1
    assert result.details["psnr"] == pytest.approx(mean_psnr(ours, pairs), abs=1e-4)


def test_a_file_of_other_weights_is_noticed(models, pairs, evaluated, tmp_path):
    other = Weights.of(checkpoint.read(BUNDLED).network(), {})
    tensors = {name: tensor * 1.05 for name, tensor in other.tensors.items()}
    checkpoint.write(Weights(tensors, other.configuration, {}), tmp_path / "other.safetensors")
    shutil.move(tmp_path / "other.safetensors", models / "safetensors" / "denoise.safetensors")

    result = inferred("pytorch", models, pairs, evaluated[0])

    assert result.status == Status.FAILED
    assert "levels, expected <= 1.00 levels" in result.reason


def test_a_damaged_file_breaks_the_link(models, pairs, evaluated):
    (models / "mnn" / "denoise.mnn").write_bytes(b"nothing")

    result = inferred("mnn", models, pairs, evaluated[0])

    assert result.status == Status.FAILED
    assert "denoise.mnn cannot be loaded" in result.reason


def test_a_runtime_without_a_file_is_skipped(models, pairs, evaluated):
    shutil.rmtree(models / "onnx")

    result = inferred("onnx", models, pairs, evaluated[0])

    assert result.status == Status.SKIPPED
    assert result.reason == "no file was exported that it reads: .onnx"


def test_a_device_that_is_not_there_is_skipped(models, pairs, evaluated):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")

    result = inferred("pytorch", models, pairs, evaluated[0], device="cuda")

    assert (result.status, result.reason) == (Status.SKIPPED, "PyTorch sees no CUDA device")


WITHOUT_A_RUNTIME = """
import sys
from pathlib import Path
from mirnet.chain import links
from mirnet.chain.parts import LinkPart, run

folders = map(Path, sys.argv[1:])
part = LinkPart("infer", "onnx", lambda: links.infer("onnx", "cpu", *folders), optional=True)
for result in run([part]):
    print(result.status, result.reason)
"""


def test_a_runtime_that_is_not_installed_is_skipped(python, models, pairs, evaluated):
    done = python(WITHOUT_A_RUNTIME, models, pairs, evaluated[0], without=("onnxruntime",))

    assert done.stdout == (
        'skipped the runtime onnx is not installed: pip install "mirnet[onnx]"\n'
    ), done.stderr


def test_the_first_suffix_of_a_runtime_comes_first(tmp_path):
    for name in ("a/chain.pth", "b/chain.safetensors"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()

    assert links.model_file(tmp_path, (".safetensors", ".pth")).name == "chain.safetensors"
    assert links.model_file(tmp_path, (".pth", ".safetensors")).name == "chain.pth"
    with pytest.raises(RuntimeMissingError):
        links.model_file(tmp_path, (".onnx",))


def test_differences_of_16_bits_are_counted_in_levels_of_8():
    a = np.array([[[0, 1000, 65535]]], np.uint16)
    b = np.array([[[514, 1000, 65535]]], np.uint16)

    assert links.difference(a, b) == links.difference(b, a) == 2.0


@pytest.mark.parametrize("format", ["safetensors", "pdparams"])
def test_an_exported_file_is_told_with_its_size(format, tmp_path):
    findings = links.write(BUNDLED, format, tmp_path)

    path = tmp_path / format / f"chain.{format}"
    assert findings.details == {"file": f"{format}/chain.{format}", "bytes": path.stat().st_size}
    (check,) = findings.checks
    assert (check.bound, check.is_met) == (export.TOLERANCE, True)


def test_what_cannot_be_exported_breaks_the_link(tmp_path):
    (tmp_path / "bad.ckpt").write_bytes(b"nothing")

    with pytest.raises(WeightsError, match=r"bad\.ckpt"):
        links.write(tmp_path / "bad.ckpt", "pth", tmp_path)
