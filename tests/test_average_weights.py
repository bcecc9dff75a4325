"""The example that averages the weights of several runs, as a user runs it."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mirnet.models.checkpoint import Weights, read, write
from mirnet.models.mirnetv2.network import Configuration

EXAMPLE = Path(__file__).parents[1] / "examples" / "average_weights.py"
SHAPE = Configuration(width=8, groups=(1, 2))


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes random weights into the working folder."""
    monkeypatch.chdir(tmp_path)

    def write_random(name, shape=SHAPE):
        weights = Weights.of(shape.network(), {"task": "denoise", "recipe": {"name": name}})
        write(weights, f"{name}.safetensors")
        return weights

    torch.manual_seed(2)
    return write_random


def run(*names, parts=()):
    files = [f"{name}.safetensors" for name in names]
    options = ["--parts", *map(str, parts)] if parts else []
    command = [sys.executable, EXAMPLE, *files, *options]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_file_weighs_the_same_and_the_last_one_gives_the_facts(written, count):
    files = [written(f"run{number}") for number in range(count)]

    done = run(*(f"run{number}" for number in range(count)), "mean")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    mean = read("mean.safetensors")
    assert mean.configuration == SHAPE
    assert mean.facts["recipe"] == {"name": f"run{count - 1}"}
    for name, tensor in mean.tensors.items():
        expected = sum(each.tensors[name] for each in files) / count
        torch.testing.assert_close(tensor, expected)


def test_files_weigh_as_much_as_is_said(written):
    first, second = written("first"), written("second")

    done = run("first", "second", "mean", parts=(3, -1))

    assert (done.returncode, done.stderr) == (0, "")
    for name, tensor in read("mean.safetensors").tensors.items():
        expected = 1.5 * first.tensors[name] - 0.5 * second.tensors[name]
        torch.testing.assert_close(tensor, expected)


@pytest.mark.parametrize("parts", [(1,), (1, 2, 3), (1, -1), ("nan", 1), ("inf", 1)])
def test_parts_that_make_no_mean_are_refused(written, parts):
    written("first")
    written("second")

    done = run("first", "second", "mean", parts=parts)

    assert done.returncode == 2
    assert "as many numbers as there are files" in done.stderr
    assert not Path("mean.safetensors").exists()


def test_different_networks_are_refused(written):
    written("narrow")
    written("wide", Configuration(width=16, groups=(1, 2)))

    done = run("narrow", "wide", "mean")

    assert done.returncode == 2
    assert "the files are of different networks" in done.stderr
    assert not Path("mean.safetensors").exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("alone", "missing", "mean"), "missing.safetensors: cannot be read"),
        (("alone", "text", "mean"), "text.safetensors"),
        (("alone", "nowhere/mean"), "nowhere"),
    ],
)
def test_what_cannot_be_read_or_written_is_named_in_one_line(written, names, message):
    written("alone")
    Path("text.safetensors").write_text("no weights")

    done = run(*names)

    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not Path("mean.safetensors").exists()


def test_files_and_a_place_for_the_mean_are_asked_for(written):
    written("alone")

    done = run("alone")

    assert done.returncode == 2
    assert "required" in done.stderr
