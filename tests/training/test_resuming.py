"""A run that was stopped, in whatever way, ends as one that never was."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mirnet.training import checkpoint, loop, start, table

MIRNET = [sys.executable, "-m", "mirnet", "train", "little.toml", "--accelerator", "cpu"]


def train(planned, output, **options):
    observe = options.pop("observe", loop.log_progress)
    options = start.Options(accelerator="cpu", **options)
    state = checkpoint.load(start.train(planned, Path(output), options, observe=observe).last)
    assert state.pop("seconds") >= 0
    return state


def assert_same(one, other, where="state"):
    """Everything in two checkpoints, bit for bit."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}: {key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for k, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same(left, right, f"{where}[{k}]")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


def test_states_that_differ_are_told_apart():
    """The guard of the tests below."""
    with pytest.raises(AssertionError, match="state: a"):
        assert_same({"a": torch.zeros(2)}, {"a": torch.tensor([0, 1e-30])})


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("stop", [1, 4, 5])
def test_a_resumed_run_equals_an_uninterrupted_one(plan, precision, stop):
    planned = plan(f"precision={precision}", "validation.pairs=pairs")
    whole = train(planned, "whole")

    def interrupt(progress):
        if progress.step == stop:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(planned, "parts", observe=interrupt)
    assert checkpoint.load(Path("parts/last.ckpt"))["step"] == stop + 1  # the one at hand
    assert_same(train(planned, "parts"), whole)


def test_a_run_whose_time_is_over_stops_with_a_checkpoint(plan):
    planned = plan()

    stopped = train(planned, "run", seconds=0.0)

    assert stopped["step"] == 1
    assert_same(train(planned, "run"), train(planned, "whole"))


def test_a_checkpoint_of_before_goes_on_with_the_defaults_of_what_it_does_not_state(plan):
    """Before, recipes had no camera, and 0 dB at step 0 stood for no validation."""
    whole = train(plan(), "whole")
    train(plan(), "run", seconds=0.0)
    saved = checkpoint.load(Path("run/last.ckpt"))
    for section in ("camera", "scenes", "drawings"):
        del saved["facts"]["recipe"][section]
    saved |= {"best": 0.0, "best_step": 0}
    checkpoint.save(saved, Path("run/last.ckpt"))

    assert_same(train(plan(), "run"), whole)


def test_a_finished_run_stays_as_it_is(plan):
    planned = plan("validation.pairs=pairs")
    once = train(planned, "run")

    assert_same(train(planned, "run"), once)


def until(condition, process, seconds=120):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


SETTINGS = ["--set", "save_every=1", "--set", "stages=[{length=40,patch=16,batch=1}]"]


def begin(output):
    return subprocess.Popen(
        [*MIRNET, *SETTINGS, "-o", output],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_killed_run_goes_on_bit_for_bit(plan):
    killed = begin("parts")
    until(Path("parts/last.ckpt").exists, killed)
    killed.kill()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert checkpoint.load(Path("parts/last.ckpt"))["step"] < 40

    again = begin("parts")
    printed, messages = again.communicate(timeout=120)

    assert (again.returncode, printed) == (0, "parts/last.ckpt\n"), messages
    assert "resumed at step" in messages
    planned = plan(*SETTINGS[1::2])
    assert_same(train(planned, "parts"), train(planned, "whole"))


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without asking")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_asked_to_stop_saves_and_ends_with_130(here, number):
    process = begin("run")
    until(Path("run/last.ckpt").exists, process)

    process.send_signal(number)
    printed, messages = process.communicate(timeout=120)

    assert (process.returncode, printed) == (130, ""), messages
    assert messages.splitlines()[-1] == (
        "mirnet: interrupted; run the same command again to resume"
    )
    assert "Traceback" not in messages
    assert 1 <= checkpoint.load(Path("run/last.ckpt"))["step"] < 40
    written = {"last.ckpt", "logs", "metrics.csv", "curves.png", "summary.json"}
    assert {path.name for path in Path("run").iterdir()} <= written


KILLED_WHILE_SAVING = """
import os, signal, sys
from pathlib import Path
import torch
from mirnet.training import recipe, start

save, calls = torch.save, []

def half(state, file):
    calls.append(file)
    if len(calls) == int(sys.argv[1]):
        import io
        whole = io.BytesIO()
        save(state, whole)
        file.write(whole.getvalue()[: len(whole.getvalue()) // 2])
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    save(state, file)

torch.save = half
start.train(recipe.load("little.toml", sys.argv[2:]), Path("run"), start.Options(accelerator="cpu"))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("which", [1, 2, 4])
def test_a_run_killed_while_it_saves_goes_on_bit_for_bit(plan, python, which):
    settings = ["save_every=1", "validation.every=100 steps"]

    killed = python(KILLED_WHILE_SAVING, str(which), *settings)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if which > 1:
        assert checkpoint.load(Path("run/last.ckpt"))["step"] == which - 1
    planned = plan(*settings)
    assert_same(train(planned, "run"), train(planned, "whole"))
    assert [path.name for path in Path("run").iterdir() if path.name.startswith(".")] == []


def test_what_a_killed_run_had_logged_beyond_its_checkpoint_is_logged_once(plan):
    planned = plan("save_every=4")

    def fail(progress):
        if progress.step == 6:
            raise MemoryError

    with pytest.raises(MemoryError):
        train(planned, "run", observe=fail)
    assert [row.step for row in table.read(Path("run/metrics.csv"))] == [1, 2, 3, 4, 5, 6]
    train(planned, "run")

    resumed, whole = (table.read(Path(run) / "metrics.csv") for run in ("run", twin(planned)))
    assert [row.step for row in resumed] == [1, 2, 3, 4, 5, 6]
    assert [row.values["loss"] for row in resumed[:4]] == [row.values["loss"] for row in whole[:4]]


def twin(planned):
    """The folder of a run that was never stopped."""
    train(planned, "whole")
    return "whole"
