"""The example that makes a smaller network out of a trained one, as a user runs it."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mirnet.models.checkpoint import Weights, read, write
from mirnet.models.mirnetv2.network import Configuration

EXAMPLE = Path(__file__).parents[1] / "examples" / "fewer_blocks.py"
TRAINED = Configuration(width=8, groups=(1, 2, 2))


@pytest.fixture
def trained(tmp_path):
    torch.manual_seed(1)
    weights = Weights.of(TRAINED.network(), {"task": "denoise", "recipe": {"seed": 1}})
    write(weights, tmp_path / "trained.safetensors")
    return weights


def run(folder, groups, blocks):
    sides = [folder / "trained.safetensors", folder / "smaller.safetensors"]
    shape = ["--groups", str(groups), "--blocks", str(blocks)]
    return subprocess.run([sys.executable, EXAMPLE, *sides, *shape], capture_output=True, text=True)


@pytest.mark.parametrize(("groups", "blocks"), [(1, 1), (2, 1), (2, 2), (3, 2)])
def test_what_is_kept_is_a_network_of_the_trained_numbers(trained, tmp_path, groups, blocks):
    done = run(tmp_path, groups, blocks)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    smaller = read(tmp_path / "smaller.safetensors")
    shape = smaller.configuration
    assert (shape.groups, shape.blocks_per_group) == (TRAINED.groups[:groups], blocks)
    assert smaller.facts["task"] == "denoise"
    assert "recipe" not in smaller.facts
    for name, tensor in smaller.network().state_dict().items():
        assert torch.equal(tensor, trained.tensors[name])


@pytest.mark.parametrize(("groups", "blocks"), [(4, 2), (0, 1), (2, 3), (2, 0)])
@pytest.mark.usefixtures("trained")
def test_more_than_there_is_or_nothing_is_refused(tmp_path, groups, blocks):
    done = run(tmp_path, groups, blocks)

    assert done.returncode == 2
    assert "the trained network has 3 groups of 2 blocks" in done.stderr
    assert not (tmp_path / "smaller.safetensors").exists()


def test_a_missing_file_is_named_in_one_line(tmp_path):
    done = run(tmp_path, 1, 1)

    assert done.returncode == 2
    assert "trained.safetensors" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "smaller.safetensors").exists()
