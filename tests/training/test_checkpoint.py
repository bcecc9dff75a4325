"""A checkpoint on disk is whole, and harmless to load."""

import os
import pickle

import pytest
import torch

from mirnet.errors import WeightsError
from mirnet.training import checkpoint


def test_what_is_saved_comes_back(tmp_path):
    state = {"step": 3, "network": {"a": torch.arange(4.0)}, "facts": {"task": "denoise"}}

    checkpoint.save(state, tmp_path / "last.ckpt")

    loaded = checkpoint.load(tmp_path / "last.ckpt")
    assert torch.equal(loaded.pop("network")["a"], state.pop("network")["a"])
    assert loaded == {"format": checkpoint.FORMAT, **state}


def test_a_failing_save_leaves_the_old_checkpoint_and_nothing_else(tmp_path):
    path = tmp_path / "last.ckpt"
    checkpoint.save({"step": 1}, path)

    with pytest.raises((AttributeError, pickle.PicklingError)):
        checkpoint.save({"step": 2, "cannot be saved": lambda: None}, path)

    assert checkpoint.load(path)["step"] == 1
    assert list(tmp_path.iterdir()) == [path]


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_cannot_run_code(tmp_path):
    trap = tmp_path / "trap"
    torch.save({"format": checkpoint.FORMAT, "x": Hostile(trap)}, tmp_path / "last.ckpt")

    with pytest.raises(WeightsError, match=r"refused, nothing was run: .*mkdir"):
        checkpoint.load(tmp_path / "last.ckpt")
    assert not trap.exists()


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "last.ckpt"
    checkpoint.save({"network": torch.rand(1000)}, path)
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(WeightsError, match="not a complete training checkpoint"):
        checkpoint.load(path)
    torch.save({"params": {}}, path)
    with pytest.raises(WeightsError, match=r"not a training checkpoint \(mirnet-training-1\)"):
        checkpoint.load(path)


FULL_DISK = """
import resource, sys
from pathlib import Path
import torch
from mirnet.errors import WeightsError
from mirnet.training import checkpoint

path = Path(sys.argv[1])
checkpoint.save({"step": 1, "x": torch.zeros(10)}, path)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    checkpoint.save({"step": 2, "x": torch.zeros(100_000)}, path)
except WeightsError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot limit the size of a file")
def test_a_full_disk_leaves_the_old_checkpoint(python, tmp_path):
    path = tmp_path / "last.ckpt"

    done = python(FULL_DISK, path)

    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"{path}: the checkpoint cannot be written (")
    assert line.endswith("): check folder and space")
    assert checkpoint.load(path)["step"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_save_left_behind_is_overwritten(tmp_path):
    (tmp_path / ".last.ckpt.part").write_bytes(b"half a checkpoint")

    checkpoint.save({"step": 2}, tmp_path / "last.ckpt")

    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_checkpoint_cannot_be_saved_where_there_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")

    for folder in ("gone", "file"):
        with pytest.raises(WeightsError, match=r"cannot be written \(its folder does not exist\)"):
            checkpoint.save({}, tmp_path / folder / "last.ckpt")
