"""Processes import what their starter does, nothing beside it, and are gone when they should."""

import sys

import pytest

from mirnet.system import subprocesses

SAY = "import sys, json; print(sys.path); print('answer', sys.stdin.readline().strip())"


def test_it_answers_through_its_pipes_and_ends():
    process = subprocesses.start(["-c", SAY], encoding="utf-8")
    answer, _ = process.communicate("42\n", timeout=60)
    subprocesses.end(process)

    assert answer.splitlines()[-1] == "answer 42"
    assert process.returncode == 0


def test_modules_in_the_current_folder_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])  # as where a program is typed in
    process = subprocesses.start(["-c", SAY], encoding="utf-8")
    answer, _ = process.communicate("fine\n", timeout=60)
    subprocesses.end(process)

    assert answer.splitlines()[-1] == "answer fine"


@pytest.mark.parametrize("times", [1, 2])
def test_one_at_work_is_killed_and_its_pipes_are_closed(times):
    process = subprocesses.start(["-c", "import time; time.sleep(600)"])

    for _ in range(times):
        subprocesses.end(process)

    assert process.returncode not in (None, 0)
    assert process.stdin.closed
    assert process.stdout.closed
