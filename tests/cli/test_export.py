"""`mirnet export` as a user runs it."""

import re
import subprocess
import sys

import pytest
import torch

from mirnet.models import checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.models.mirnetv2.network import Configuration


@pytest.fixture
def mirnet(tmp_path):
    """Runs `mirnet export` in a folder with the weights `little.safetensors`."""
    torch.manual_seed(0)
    network = Configuration(width=8, groups=(1,), blocks_per_group=1).network()
    checkpoint.write(Weights.of(network), tmp_path / "little.safetensors")

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "mirnet", "export", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_file_its_size_and_its_difference_are_printed(mirnet, tmp_path):
    done = mirnet("little.safetensors", "--format", "pth", "-o", "new", "--name", "official")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"new/official\.pth  0\.\d MB  largest difference 0\.0e\+00\n", done.stdout)
    ours, theirs = (
        checkpoint.read(tmp_path / name) for name in ("little.safetensors", "new/official.pth")
    )
    assert all(torch.equal(ours.tensors[name], theirs.tensors[name]) for name in ours.tensors)


def test_of_several_files_the_sum_is_printed(mirnet, tmp_path):
    pytest.importorskip("openvino")

    done = mirnet("little.safetensors", "--format", "openvino", "--size", "32x36", "-o", "new")

    assert (done.returncode, done.stderr) == (0, "")
    both = sum((tmp_path / "new" / f"little.{end}").stat().st_size for end in ("xml", "bin"))
    assert done.stdout.startswith(f"new/little.xml  {both / 1e6:.1f} MB  largest difference ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["little.safetensors", "--format", "tflite"], "no format 'tflite': choose onnx, openvino"),
        (["gone.pth", "--format", "pth"], "gone.pth: cannot be read"),
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
def test_mistakes_end_in_one_line(mirnet, arguments, message):
    done = mirnet(*arguments)

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
