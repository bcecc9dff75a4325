"""Real processes, which take turns and may die."""

import json
import os

import psutil
import pytest

from mirnet import runtimes
from mirnet.benchmark.driver import FailedTrial, MeasuredTrial, measure
from mirnet.benchmark.job import Trial
from mirnet.benchmark.plan import plan
from mirnet.benchmark.process import TrialProcess
from mirnet.errors import InferenceError
from mirnet.restoration.restorer import default_overlap, default_tile

TILE = default_tile(runtimes.facts("denoise"))
OVERLAP = default_overlap(TILE, runtimes.facts("denoise"))
SMALL = {"size": (32, 32), "threads": 1}


class Diary:
    """Writes down what it is told."""

    def __init__(self, begin=lambda runtime, number: None):
        self._begin = begin
        self.begun = []
        self.left = []
        self.failed = []

    def begin(self, runtime, number):
        self.begun.append((runtime, number))
        self._begin(runtime, number)

    def done(self, left):
        self.left.append(left)

    def fail(self, failed):
        self.failed.append(failed)


@pytest.fixture
def children():
    """A function that lists the processes which this test has started and which still run."""
    before = psutil.Process().children()
    return lambda: [each for each in psutil.Process().children() if each not in before]


@pytest.mark.parametrize("batch", [None, 2])
def test_runtimes_take_turns(batch, children):
    pytest.importorskip("onnxruntime")
    diary = Diary()
    result = measure(plan(names=["onnx", "mnn"], batch=batch, rounds=2, warm_up=1, **SMALL), diary)

    turns = [(name, number) for number in (0, 1, 2) for name in ("onnx", "mnn")]
    assert [(run.runtime, run.round) for run in result.runs] == turns
    assert diary.begun == [("onnx", None), ("mnn", None), *turns]
    assert diary.left == list(range(7, -1, -1))
    assert [outcome.runtime for outcome in result.outcomes] == ["onnx", "mnn"]
    for outcome in result.outcomes:
        assert isinstance(outcome, MeasuredTrial)
        runs = [run for run in result.runs if run.runtime == outcome.runtime and run.round > 0]
        assert outcome.figures.whole.max == max(run.whole for run in runs)
        assert outcome.tiles == (0 if batch else 1)
    assert (diary.failed, children()) == ([], [])


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
def test_of_a_process_that_is_killed_the_signal_is_told_and_the_others_go_on(children):
    pytest.importorskip("onnxruntime")

    def kill_the_first(runtime, number):
        if (runtime, number) == ("mnn", 2):
            first, _ = sorted(children(), key=lambda process: process.create_time())
            first.kill()

    diary = Diary(kill_the_first)
    result = measure(plan(names=["mnn", "onnx"], rounds=3, warm_up=0, **SMALL), diary)

    failed, measured = result.outcomes
    assert isinstance(failed, FailedTrial)
    assert failed.error.startswith("its process was ended by SIGKILL")
    assert isinstance(measured, MeasuredTrial)
    assert diary.failed == [failed]
    assert [(run.runtime, run.round) for run in result.runs] == [
        *(("mnn", 1), ("onnx", 1), ("onnx", 2), ("onnx", 3))
    ]
    assert diary.left[-1] == 0
    assert children() == []


def test_an_error_of_the_observer_ends_all_processes(children):
    def stop(runtime, number):
        if number is not None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(plan(names=["mnn"], **SMALL), Diary(stop))

    assert children() == []


def test_a_worker_says_why_it_cannot_and_what_it_is(tmp_path):
    job = Trial("denoise", "mnn", "cuda", 1, None, None, None, "gone.png", "gone.png")
    with TrialProcess() as worker, pytest.raises(InferenceError, match="mnn does not run on cuda"):
        worker.start(job)
    with TrialProcess() as worker:
        ready = worker.start(Trial(**{**json.loads(job.line()), "device": "cpu"}))
        assert ready == {"runtime": "mnn", "tile": TILE, "overlap": OVERLAP}
        with pytest.raises(InferenceError, match=r"gone\.png does not exist"):
            worker.run()
        with pytest.raises(InferenceError, match="its process ended with exit code 0"):
            worker.run()
