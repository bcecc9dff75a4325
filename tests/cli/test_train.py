"""`mirnet train` as a user runs it: a process of its own, a little recipe, real files."""

import os
import socket
import subprocess
import sys
from functools import partial

import pytest
import torch

from mirnet.models import checkpoint

RECIPE = """
[network]
width = 8
groups = [1]
blocks_per_group = 1
[[stages]]
length = 4
patch = 16
batch = 1
[data]
photographs = "photographs"
[validation]
pairs = "pairs"
every = 2
"""


@pytest.fixture
def train(mirnet, tmp_path, save, picture):
    """Runs `mirnet train` in a folder that holds photographs, pairs and `little.toml`."""
    for name in ("photographs/a.png", "pairs/input/x.png", "pairs/groundtruth/x.png"):
        save(tmp_path / name, pixels=picture(40, 40, seed=len(name)))
    (tmp_path / "little.toml").write_text(RECIPE)

    return partial(mirnet, "train")


def test_a_recipe_becomes_a_checkpoint_that_restores(train, tmp_path):
    done = train("little.toml", "-o", "out/run", "--accelerator", "cpu")

    assert (done.returncode, done.stdout) == (0, "out/run/last.ckpt\n"), done.stderr
    start, first, second, third, *summary = done.stderr.splitlines()
    assert " step 0  PSNR " in start
    assert " step 1/4  loss " in first
    assert " step 2  PSNR " in second
    assert " step 4  PSNR " in third
    assert summary[0].split() == ["steps", "4"]
    assert summary[-1].split() == ["out/run/best.ckpt"]
    assert checkpoint.read(tmp_path / "out/run/last.ckpt").configuration.width == 8
    restored = subprocess.run(
        [
            *(sys.executable, "-m", "mirnet", "restore", "photographs/a.png"),
            *("--model", "out/run/best.ckpt"),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert restored.returncode == 0, restored.stderr


def test_a_run_goes_on_where_it_stopped(train):
    first = train("little.toml", "-o", "run", "--max-time", "00:00:00")
    again = train("little.toml", "-o", "run")

    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    assert "resumed at step 1 of 4" in again.stderr


def test_a_dry_run_prints_the_plan_and_leaves_nothing(train, tmp_path):
    done = train("little.toml", "--devices", "2", "--accelerator", "cpu", "--dry-run", "-o", "run")

    assert done.returncode == 0, done.stderr
    first, titles, row = done.stdout.splitlines()
    assert first == "2 steps, 4 patches, 2 processes; an epoch has 1 patches; peak lr 2.00e-04"
    assert titles.split()[:2] == ["steps", "patch"]
    assert row.split()[:5] == ["0", "to", "2", "16", "2"]
    assert not (tmp_path / "run").exists()


def test_where_nothing_was_validated_restoring_with_the_best_says_what_there_is(train, mirnet):
    done = train("little.toml", "--set", 'validation.pairs=""', "-o", "run")

    restored = mirnet("restore", "photographs/a.png", "--model", "run/best.ckpt")

    assert done.stderr.splitlines()[-1].strip() == "no best.ckpt: it needs validation.pairs"
    (line,) = restored.stderr.splitlines()
    assert restored.returncode == 2
    assert "there is no run/best.ckpt, only run/last.ckpt" in line


def test_workers_change_nothing(train, tmp_path):
    alone = train("little.toml", "-o", "alone", "--workers", "0")
    helped = train("little.toml", "-o", "helped", "--workers", "2")

    assert (alone.returncode, helped.returncode) == (0, 0), helped.stderr
    assert "Traceback" not in helped.stderr
    one, other = (checkpoint.read(tmp_path / run / "last.ckpt") for run in ("alone", "helped"))
    assert all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())


def test_a_run_goes_on_from_a_file(train):
    first = train("little.toml", "-o", "first", "--max-time", "00:00:00")
    again = train("little.toml", "-o", "again", "--resume", "first/last.ckpt")

    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    assert "resumed at step 1 of 4" in again.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")
def test_a_second_training_in_a_folder_is_refused_until_the_first_has_ended(train, tmp_path):
    lock = tmp_path / "run" / ".run.lock"
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "mirnet", "train", "little.toml", "-o", "run"),
            *("--set", "stages=[{length=1000000, patch=16, batch=1}]", "--workers", "1"),
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as first:
        while " step " not in first.stderr.readline():
            assert first.poll() is None
        second = train("little.toml", "-o", "run")
        held = lock.exists()
        first.kill()

    assert held
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"mirnet: run is in use by another training (process {first.pid} on "
        f"{socket.gethostname()}): wait for its end, or choose another output folder\n"
    )
    third = train("little.toml", "-o", "run", "--max-time", "00:00:00")
    assert "in use" not in third.stderr
    assert not lock.exists()


MISTAKES = [
    (["little.toml", "--set", 'task="sr"'], "task is 'sr': expected one of denoise"),
    (
        ["little.toml", "--set", "network.in_channels=1"],
        "task denoise takes 3 channels and gives 3",
    ),
    (["little.toml", "--set", "camera.softness=2"], "camera: softness: expected a non-empty list"),
    (["little.toml", "--dry-run", "--set", "weights=gone.pth"], "no model 'gone.pth'"),
    (["little.toml", "--dry-run", "--set", "weights=denoise"], "and the recipe wants"),
    (["little.toml", "--dry-run", "--set", "teacher.weights=gone.pth"], "no model 'gone.pth'"),
    (["little.toml", "--dry-run", "--set", "data.pairs=gone"], "gone is not a folder"),
    (["little.toml", "--dry-run", "--set", "validation.pairs=gone"], "gone is not a folder"),
    (["little.toml", "--dry-run", "--set", "data.photographs=gone"], "gone is not a folder"),
    (["sharpen"], "no recipe 'sharpen': give a .toml file or one of: brighten, denoise"),
    (["denoise"], "nothing to train on: set data.photographs to a folder"),
    (["little.toml", "--set", "data.photographs=gone"], "gone is not a folder of photographs"),
    (["little.toml", "--set", "optim.lrr=1"], "optim: unknown key 'lrr'; did you mean lr?"),
    (["little.toml", "--set", "optim.lr"], "'optim.lr' is not KEY=VALUE"),
    (["little.toml", "--set", "optim.lr=-1"], "optim: lr is -1.0: expected more than 0"),
    (
        ["little.toml", "--set", "preset=tiny", "--set", "network.width=8"],
        "either a preset or a section [network]",
    ),
    (["little.toml", "-o", "little.toml/run"], "cannot be written to (Not a directory)"),
    (["little.toml", "--accelerator", "abacus"], "cannot train on 'abacus'"),
    (["little.toml", "--precision", "half"], "precision is 'half': expected one of 32-true"),
    (["little.toml", "--viewer", "telescope"], "no viewer 'telescope': choose tensorboard"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES]
)
def test_mistakes_end_in_one_line(train, arguments, message):
    done = train(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("mirnet: ")
    assert message in line


@pytest.mark.parametrize("text", ["1h", "90", "1:60:00", "1:00:99", "-1:00:00", "a:b:c"])
def test_times_are_hours_minutes_and_seconds(train, text):
    done = train("little.toml", f"--max-time={text}")

    assert done.returncode == 2
    assert "is not HH:MM:SS" in done.stderr
    assert "Traceback" not in done.stderr


def test_recipes_are_checked_without_the_packages_of_training(python, tmp_path):
    script = (
        "import sys; sys.argv[1:] = ['train', *sys.argv[1:]]; from mirnet import cli; cli.main()"
    )

    wrong = python(script, "denoise", "--set", "optim.lrr=1", without=["torch", "lightning_fabric"])
    right = python(script, "denoise", without=["lightning_fabric"])

    assert "did you mean lr?" in wrong.stderr
    assert right.stderr == (
        'mirnet: training needs lightning_fabric: pip install "mirnet[train]"\n'
    )


def test_a_terminal_shows_a_bar_in_place_of_lines(train, on_a_terminal, tmp_path):
    del train  # it has made the folder
    command = [sys.executable, "-m", "mirnet", "train", "little.toml", "-o", "run"]

    code, shown = on_a_terminal(command, cwd=tmp_path)

    assert code == 0, shown
    assert "run/last.ckpt" in shown
    assert "step 4/4" in shown
    assert "patches/s  loss 0." in shown
    assert " PSNR " in shown
    assert "SSIM-Y" not in shown.partition("steps ")[0]
    assert (tmp_path / "run" / "best.ckpt").exists()
