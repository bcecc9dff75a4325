"""`mirnet export` as a user runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
import torch

from mirnet.models import catalog, checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import Configuration


@pytest.fixture
def export(mirnet, tmp_path):
    """Runs `mirnet export` in a folder with the weights `little.safetensors`."""
    torch.manual_seed(0)
    network = Configuration(width=8, groups=(1,), blocks_per_group=1).network()
    checkpoint.write(Weights.of(network), tmp_path / "little.safetensors")

    return partial(mirnet, "export")


def test_the_file_its_size_and_its_difference_are_printed(export, tmp_path):
    done = export("little.safetensors", "--format", "pth", "-o", "new", "--name", "official")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"new/official\.pth  0\.\d MB  largest difference 0\.0e\+00\n", done.stdout)
    ours, theirs = (
        checkpoint.read(tmp_path / name) for name in ("little.safetensors", "new/official.pth")
    )
    assert all(torch.equal(ours.tensors[name], theirs.tensors[name]) for name in ours.tensors)


def test_of_several_files_the_sum_is_printed(export, tmp_path):
    pytest.importorskip("openvino")

    done = export("little.safetensors", "--format", "openvino", "--size", "32x36", "-o", "new")

    assert (done.returncode, done.stderr) == (0, "")
    both = sum((tmp_path / "new" / f"little.{end}").stat().st_size for end in ("xml", "bin"))
    assert done.stdout.startswith(f"new/little.xml  {both / 1e6:.1f} MB  largest difference ")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_export_leaves_nothing(export, tmp_path, number):
    command = [sys.executable, "-m", "mirnet", "export", "little.safetensors"]
    command += ["--format", "mnn", "-o", "new"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not list((tmp_path / "new").glob(".*")):  # the hidden folder
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(number)
        _, err = process.communicate(timeout=120)

    assert process.returncode == 130
    assert err == "mirnet: interrupted; nothing was written\n"
    assert list((tmp_path / "new").iterdir()) == []


def test_a_model_may_be_named(export, tmp_path):
    done = export("denoise-print", "--format", "pth")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("denoise-print.pth  1.3 MB  ")
    ours = checkpoint.read(catalog.find("denoise-print").weights()).tensors
    theirs = checkpoint.read(tmp_path / "denoise-print.pth").tensors
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["little.safetensors", "--format", "tflite"], "no format 'tflite': choose onnx, openvino"),
        (["gone.pth", "--format", "pth"], "no model 'gone.pth': give a file, or one of"),
        (["little.safetensors", "--format", "pth", "--half"], "half precision is for"),
        (["little.safetensors", "--format", "pth", "--size", "64"], "a fixed size is for"),
        (["little.safetensors", "--format", "onnx", "--size", "64x66"], "got 64x66"),
        (["little.safetensors", "--format", "onnx", "--size", "30"], "got 30x30"),
        (["little.safetensors", "--format", "onnx", "--size", "a"], "a size is HxW or a number"),
        (
            ["little.safetensors", "--format", "onnx", "--size", "64x"],
            "in 192x256 or 192, got '64x",
        ),
        (["little.safetensors", "--format", "safetensors", "--half"], "is the source itself"),
        (["little.safetensors", "--format", "pth", "-o", "little.safetensors/x"], "cannot be writ"),
    ],
)
def test_mistakes_end_in_one_line(export, arguments, message):
    done = export(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("mirnet: ")
    assert message in line


def test_missing_packages_are_named(python):
    script = (
        "import sys; sys.argv[1:] = ['export', 'x.pth', '--format', 'onnx']\n"
        "from mirnet import cli; cli.main()"
    )

    done = python(script, without=["onnx"])

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'mirnet: exporting needs onnx: pip install "mirnet[train]"\n'
