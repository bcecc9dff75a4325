"""Several processes train as one does: real ones, started by us and by torchrun."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from mirnet.training import checkpoint, recipe, start

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")

SETTINGS = [
    *("data.photographs=''", "data.pairs=pairs", "data.mixup=1.2", "validation.pairs=pairs"),
    "stages=[{length=4, patch=16, batch=4}, {length=2, patch=32, batch=2, accumulate=2}]",
]
LONG = [*SETTINGS[:-1], "stages=[{length=100000, patch=16, batch=4}]", "save_every=1"]


@pytest.fixture(autouse=True)
def pairs(here, save, picture):
    """Five pairs, so that two processes have unequal shares of the validation."""
    for seed in range(4):
        for half, number in (("input", seed), ("groundtruth", seed + 9)):
            save(here / "pairs" / half / f"{seed}.png", pixels=picture(36, 40, seed=number))


def command(output, *options, settings=SETTINGS, launcher=("-m", "mirnet")):
    return [
        *(sys.executable, *launcher, "train", "little.toml", "-o", output),
        *("--accelerator", "cpu", *options),
        *(part for setting in settings for part in ("--set", setting)),
    ]


def run(*arguments, **options):
    done = subprocess.run(
        command(*arguments, **options), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{arguments[0]}/last.ckpt\n"  # said once
    return checkpoint.load(Path(arguments[0]) / "last.ckpt")


def alone(output):
    """The same run by one process, which is this one."""
    planned = recipe.load("little.toml", SETTINGS)
    options = start.Options(accelerator="cpu", devices=1)
    return checkpoint.load(start.train(planned, Path(output), options).last)


def assert_equal(one, other):
    for kind in ("network", "ema"):
        for name, tensor in one[kind].items():
            torch.testing.assert_close(other[kind][name], tensor, atol=1e-6, rtol=0)
    assert (one["step"], one["samples"]) == (other["step"], other["samples"])
    assert one["best"] == pytest.approx(other["best"], abs=1e-5)


def rows(output):
    with (Path(output) / "metrics.csv").open() as file:
        return [(row["step"], row["psnr"]) for row in csv.DictReader(file) if row["psnr"]]


TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "mirnet")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "launcher"),
    [(("--devices", "2"), ("-m", "mirnet")), ((), TORCHRUN)],
    ids=["started by us", "torchrun"],
)
def test_two_processes_give_the_weights_of_one(options, launcher):
    single = alone("alone")

    together = run("together", *options, launcher=launcher)

    assert_equal(single, together)
    assert rows("together") and len(rows("together")) == len(rows("alone"))
    for (step, psnr), (other_step, other) in zip(rows("alone"), rows("together"), strict=True):
        assert step == other_step
        assert float(psnr) == pytest.approx(float(other), abs=1e-5)


def test_what_two_processes_began_one_finishes():
    whole = alone("whole")

    stopped = run("run", "--devices", "2", "--max-time", "0:00:00")
    finished = run("run", "--devices", "1")

    assert stopped["step"] == 1
    assert_equal(whole, finished)


def wait(condition, process, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.fixture
def running():
    """Two processes in the middle of their work: the first one, and the other."""
    process = subprocess.Popen(
        command("run", "--devices", "2", settings=LONG),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    last = Path("run/last.ckpt")  # of the first weights, and then of every step
    wait(lambda: last.exists() and checkpoint.load(last)["step"] >= 1, process)
    (other,) = psutil.Process(process.pid).children()
    yield process, other
    for each in (psutil.Process(process.pid), other) if process.poll() is None else (other,):
        if each.is_running():
            each.kill()
    process.communicate()


@pytest.mark.parametrize("which", ["the first", "the other"])
def test_when_one_is_killed_the_others_end_within_a_minute(running, which):
    process, other = running
    victim, survivor = (process, other) if which == "the first" else (other, process)

    victim.kill()

    assert survivor.wait(timeout=60) != 0
    assert checkpoint.load(Path("run/last.ckpt"))["step"] >= 1


def test_an_interruption_of_all_saves_once_and_ends_with_130(running):
    process, other = running

    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    printed, messages = process.communicate(timeout=60)

    assert (process.returncode, printed) == (130, ""), messages
    assert "Traceback" not in messages
    assert other.wait(timeout=10) in (130, None)
    assert checkpoint.load(Path("run/last.ckpt"))["step"] >= 1


def test_asking_the_first_to_stop_is_enough(running):
    process, other = running

    process.terminate()
    process.communicate(timeout=60)

    assert process.returncode == 130
    other.wait(timeout=10)
