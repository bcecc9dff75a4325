"""MNN on several cores: processes that compute as one does, and never outlive their owner."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import psutil
import pytest

from mirnet.errors import InferenceError, OutOfMemoryError
from mirnet.models import catalog

pytest.importorskip("MNN")

from mirnet.runtimes.mnn import MOST_LANES, MnnRuntime
from mirnet.system import cores, memory

MODEL = next(path for path in catalog.find("denoise-print").files() if path.suffix == ".mnn")


@pytest.fixture
def runtime():
    opened = MnnRuntime(MODEL, threads=2)
    yield opened
    opened.close()


def noise(height=32, width=48, seed=0):
    return np.random.default_rng(seed).random((1, 3, height, width), np.float32)


def workers(pid=None):
    """Processes below this one, or below another."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # as one that has ended is
            if "mnn_worker" in " ".join(child.cmdline()):
                found.append(child)
    return found


def wait_until(condition):
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_there_is_a_worker_a_thread_and_none_for_one_thread(runtime):
    with_one = MnnRuntime(MODEL, threads=1)

    assert (runtime.facts.lanes, len(workers())) == (2, 2)
    assert with_one.facts.lanes == 1
    with_one.close()


def test_workers_compute_what_this_process_computes_bit_for_bit(runtime):
    alone = MnnRuntime(MODEL, threads=1)

    for seed in range(3):
        noisy = noise(seed=seed)
        np.testing.assert_array_equal(runtime(noisy), alone(noisy))
    alone.close()


def test_threads_get_the_results_of_their_own_batches(runtime):
    batches = [noise(16 + 4 * (k % 3), 20, seed=k) for k in range(12)]
    expected = [runtime(batch) for batch in batches]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(runtime, batches))

    for result, other in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, other)


def test_a_worker_that_is_killed_is_said_and_replaced(runtime):
    expected = runtime(noise())
    for worker in workers():
        worker.kill()
    assert wait_until(lambda: workers() == [])

    with pytest.raises(OutOfMemoryError, match="has ended"):
        runtime(noise())
    with pytest.raises(OutOfMemoryError, match="has ended"):
        runtime(noise())

    np.testing.assert_array_equal(runtime(noise()), expected)


def test_closing_ends_the_workers_and_so_does_forgetting(runtime):
    runtime.close()
    assert workers() == []
    with pytest.raises(InferenceError, match="this runtime was closed"):
        runtime(noise())

    forgotten = MnnRuntime(MODEL, threads=2)
    assert len(workers()) == 2
    del forgotten
    assert wait_until(lambda: workers() == [])


def test_a_script_without_a_guard_can_use_them(tmp_path):
    """Processes of `multiprocessing` would run the script again, which would start more."""
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy, mirnet\n"
        "with mirnet.load(runtime='mnn', threads=2) as restorer:\n"
        "    print(restorer(numpy.zeros((8, 8, 3), numpy.uint8)).shape)\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stdout) == (0, "(8, 8, 3)\n"), done.stderr


def test_modules_in_the_current_folder_are_not_taken_for_the_libraries(tmp_path):
    (tmp_path / "numpy.py").write_text("raise SystemExit('not this one')")
    script = (
        "import sys; sys.path = [p for p in sys.path if p]\n"
        "from mirnet.runtimes.mnn import MnnRuntime\n"
        "from pathlib import Path\n"
        "MnnRuntime(Path(sys.argv[1]), threads=2).close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, MODEL],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_do_not_outlive_their_owner(number, tmp_path):
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from mirnet.runtimes.mnn import MnnRuntime\n"
        "runtime = MnnRuntime(Path(sys.argv[1]), threads=2)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, MODEL],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert owner.stdout.readline() == "ready\n"
    mine = workers(owner.pid)
    owner.send_signal(number)
    owner.wait(timeout=30)
    owner.stdout.close()

    assert len(mine) == 2
    assert wait_until(lambda: workers() == [])


@pytest.fixture
def started(monkeypatch):
    """Workers that are only counted."""
    found = []

    class Counted:
        is_alive = True

        def __init__(self, path):
            found.append(path)

        def ready(self):
            pass

        def close(self):
            pass

    monkeypatch.setattr("mirnet.runtimes.mnn.Worker", Counted)
    return found


def test_there_are_never_more_than_a_machine_bears(started):
    runtime = MnnRuntime(catalog.find("denoise").files()[0], threads=64)

    assert runtime.facts.lanes == len(started) == MOST_LANES


@pytest.mark.parametrize(("gigabytes", "lanes"), [(64, 12), (8, 5), (4, 2), (None, 12)])
def test_by_default_workers_fill_no_more_than_half_of_the_memory(
    started, monkeypatch, gigabytes, lanes
):
    monkeypatch.setattr(cores, "threads", lambda: 12)
    monkeypatch.setattr(memory, "installed", lambda: gigabytes and gigabytes << 30)

    runtime = MnnRuntime(catalog.find("denoise").files()[0])

    assert runtime.facts.lanes == len(started) == lanes
