"""What becomes of pictures that crash, hang or take too much memory."""

import os
import signal
import sys
import threading
import time

import pytest

from mirnet.cluster import hands
from mirnet.cluster.child import Brief
from mirnet.cluster.hands import Hands, StartError
from mirnet.cluster.job import Settings
from mirnet.cluster.plan import Task

STUB = """
import json, os, signal, sys, time
brief = json.loads(sys.stdin.readline())
if brief["source"] == "refuse":
    print(json.dumps({"failed": {"reason": "start", "error": "no such model"}}), flush=True)
    sys.exit()
if brief["source"] == "die":
    os._exit(3)
print(json.dumps({"ready": {}}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    path, smaller = message["task"]["path"], message["smaller"]
    if path == "hang":
        time.sleep(600)
    if path == "crash" or (path == "once" and not os.path.exists(brief["target"])):
        open(brief["target"], "w").close()
        os.kill(os.getpid(), signal.SIGSEGV)
    if path == "killed" and not smaller:
        os.kill(os.getpid(), signal.SIGKILL)
    if path in ("large", "largest") and not (smaller and path == "large"):
        failed = {"reason": "memory", "error": "not enough memory"}
        print(json.dumps({"failed": failed}), flush=True)
        continue
    done = {"tile": 96 if smaller else 192, "notes": str(os.getpid())}
    print(json.dumps({"done": done}), flush=True)
"""
"""A process that behaves as the names of its pictures say."""


@pytest.fixture
def stub(monkeypatch, tmp_path):
    """A function that makes hands with such a process, for a source of this name."""
    monkeypatch.setattr(hands, "START", STUB)
    made = []

    def make(source="in", seconds=None):
        made.append(Hands(Brief(source, str(tmp_path / "mark"), Settings()), seconds))
        return made[-1]

    yield make
    for each in made:
        each.close()


def task(path):
    return Task(path, path, "1", 10, replace=False, attempt=1)


def test_one_process_restores_many_pictures(stub):
    ours = stub()

    rows = [ours.restore(task(name)) for name in "abc"]

    assert [row.status for row in rows] == ["done"] * 3
    assert len({row.notes for row in rows}) == 1


def test_a_process_is_replaced_after_many_pictures(stub, monkeypatch):
    monkeypatch.setattr(hands, "RECYCLED", 2)
    ours = stub()

    processes = [ours.restore(task(name)).notes for name in "abcde"]

    assert processes[0] == processes[1] != processes[2] == processes[3] != processes[4]


@pytest.mark.parametrize(
    ("name", "status", "reason", "tile"),
    [
        ("crash", "failed", "crashed", 0),
        ("once", "done", "", 192),
        ("killed", "done", "", 96),
        ("large", "done", "", 96),
        ("largest", "failed", "memory", 0),
    ],
)
def test_a_picture_gets_a_second_chance_in_a_new_process(stub, name, status, reason, tile):
    ours = stub()

    row = ours.restore(task(name))
    after = ours.restore(task("next"))

    assert (row.status, row.reason, row.tile) == (status, reason, tile)
    assert (after.status, after.tile) == ("done", 192)


def test_a_crash_is_told_with_its_signal(stub):
    assert stub().restore(task("crash")).error == "crash: its process was killed by SIGSEGV, twice"


def test_a_picture_that_takes_too_long_is_stopped_and_the_next_is_done(stub):
    ours = stub(seconds=1.0)

    row = ours.restore(task("hang"))

    assert (row.reason, row.error) == ("timeout", "hang: took more than 1 s")
    assert ours.restore(task("next")).status == "done"


def test_a_process_that_dies_between_pictures_is_replaced(stub):
    ours = stub()
    first = ours.restore(task("a"))
    os.kill(ours.pid, signal.SIGKILL)

    assert ours.restore(task("b")).status == "done"
    assert first.status == "done"


@pytest.mark.parametrize(
    ("source", "error"), [("refuse", "no such model"), ("die", "ended with code 3 while it was")]
)
def test_a_process_that_does_not_start_ends_the_work(stub, source, error):
    with pytest.raises(StartError, match=error):
        stub(source).restore(task("a"))


def test_the_real_process_restores_and_ends_with_its_parent(settings, photos, tmp_path):
    brief = Brief(str(photos), str(tmp_path / "out"), settings, threads=1)
    with Hands(brief, 60.0) as ours:
        row = ours.restore(task("0.png"))
        broken = ours.restore(task("missing.png"))
        pid = ours.pid

    assert (row.status, row.megapixels) == ("done", 8 * 9 / 1e6)
    assert (tmp_path / "out" / "0.png").stat().st_size == row.bytes
    assert row.runtime == "mnn f32"
    assert (broken.status, broken.reason) == ("failed", "io")
    assert list((tmp_path / "out" / ".mirnet" / "tmp").iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")
def test_a_picture_that_takes_too_much_memory_fails_alone(settings, photos, save, tmp_path):
    import pyvips

    large = photos / "large.tif"
    pyvips.Image.black(20_000, 3000, bands=3).write_to_file(str(large), tile=True)
    brief = Brief(str(photos), str(tmp_path / "out"), settings, threads=1, memory=64 << 20)
    with Hands(brief, 120.0) as ours:
        row = ours.restore(Task("large.tif", "large.png", "1", 10, replace=False, attempt=1))
        after = ours.restore(task("0.png"))

    assert row.status == "failed"
    assert row.reason in ("memory", "crashed")
    assert after.status == "done"


def test_pictures_that_need_memory_take_turns():
    inside, most = 0, 0
    lock = threading.Lock()

    def visit():
        nonlocal inside, most
        with hands._alone():
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.05)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=visit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 1
