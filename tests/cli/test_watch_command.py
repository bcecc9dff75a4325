"""`mirnet watch` as a user runs it: a process of its own that is told to stop."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

pytest.importorskip("watchfiles")
pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM to send"),
]


@pytest.fixture
def watching(tmp_path):
    """A context manager: a running `mirnet watch`, whose output can be read line by line."""

    @contextmanager
    def start():
        with subprocess.Popen(
            [
                *(sys.executable, "-m", "mirnet", "watch", "in", "-o", "out", "--json"),
                *("--model", "denoise-print", "--runtime", "mnn", "--settle", "0.5"),
            ],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    return start


def test_it_restores_what_arrives_until_it_is_stopped_and_goes_on_after_a_kill(
    watching, save, load, tmp_path
):
    save(tmp_path / "in" / "a.jpg")
    with watching() as process:
        first = json.loads(process.stdout.readline())
        save(tmp_path / "in" / "b.png", 30, 30)
        second = json.loads(process.stdout.readline())
        process.kill()
    save(tmp_path / "in" / "c.png")
    with watching() as process:
        third = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        rest, messages = process.communicate(timeout=60)

    assert [
        (each["source"].rpartition("/")[2], each["status"]) for each in (first, second, third)
    ] == [
        ("a.jpg", "restored"),
        ("b.png", "restored"),
        ("c.png", "restored"),
    ]
    assert (process.returncode, rest) == (0, "")
    assert messages == "mirnet: watching in; Ctrl-C stops\nmirnet: stopped; 1 restored, 0 failed\n"
    assert load(tmp_path / "out" / "b.png").shape == (30, 30, 3)


def test_a_folder_that_is_missing_is_one_line(mirnet):
    done = mirnet("watch", "in", "-o", "out")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "mirnet: in does not exist: give a folder to watch\n"
