"""What is left to do in a bucket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.cluster import plan as planning
from mirnet.cluster.manifest import DONE, FAILED, Row
from mirnet.cluster.places import Entry
from mirnet.cluster.plan import Task, plan, selector, slices


def row(path, status=DONE, *, reason="", fingerprint="1", job="j"):
    return Row(path, fingerprint, path, status, reason, attempt=4, job=job)


def left(rows, retry="none", names=("a.png",), format=None):
    entries = [Entry(name, 10, "1") for name in names]
    return plan(entries, {each.path: each for each in rows}, job="j", format=format, retry=retry)


def test_a_new_picture_is_done_and_replaces_nothing():
    todo = left([])

    assert todo.tasks == [Task("a.png", "a.png", "1", 10, replace=False, attempt=1)]


def test_a_finished_picture_is_left_alone_unless_all_are_asked_for():
    assert left([row("a.png")]).tasks == []
    assert left([row("a.png")]).done == 1
    assert left([row("a.png")], "failed").tasks == []
    assert left([row("a.png")], "all").tasks[0].replace


@pytest.mark.parametrize("facts", [{"fingerprint": "2"}, {"job": "other"}])
@pytest.mark.parametrize("status", [DONE, FAILED])
def test_a_changed_picture_and_one_of_other_settings_are_redone(facts, status):
    (task,) = left([row("a.png", status, reason="picture", **facts)]).tasks

    assert task.replace
    assert task.attempt == 5


@pytest.mark.parametrize(
    ("reason", "retry", "is_tried"),
    [
        ("io", "none", True),
        ("picture", "none", False),
        ("crashed", "none", False),
        ("crashed", "failed", True),
        ("timeout", "all", True),
    ],
)
def test_failures_are_tried_again_by_reason(reason, retry, is_tried):
    todo = left([row("a.png", FAILED, reason=reason)], retry)

    assert bool(todo.tasks) is is_tried
    assert bool(todo.failed) is not is_tried


def test_pictures_that_would_become_one_file_are_refused_once():
    todo = left([], names=("a.jpg", "a.png", "b.png"), format="png")

    assert [task.path for task in todo.tasks] == ["b.png"]
    assert [each.reason for each in todo.refused] == ["clash", "clash"]
    assert todo.refused[0].error == "a.jpg and a.png would both become a.png: rename one"
    again = left(todo.refused, names=("a.jpg", "a.png", "b.png"), format="png")
    assert again.refused == []
    assert again.failed == {"clash": 2}


def test_a_name_that_is_not_utf8_is_refused():
    todo = left([], names=("caf\udce9.png",))

    assert todo.tasks == []
    assert todo.refused[0].path == "caf\\udce9.png"


@given(st.lists(st.integers(0, 40 << 20), max_size=200))
def test_slices_hold_all_tasks_in_order_and_are_small(sizes):
    tasks = [Task(str(i), str(i), "", size, False, 1) for i, size in enumerate(sizes)]

    parts = list(slices(3, tasks))

    assert [task for part in parts for task in part.tasks] == tasks
    for part in parts:
        assert part.bucket == 3
        assert 1 <= len(part.tasks) <= planning.SLICE_NAMES
        assert sum(task.size for task in part.tasks[:-1]) < planning.SLICE_BYTES


def test_patterns_choose_names():
    names = ["a.png", "a.txt", "x/b.JPG", "x/y/c.nef", "out/d.png"]

    def chosen(*arguments, **options):
        return list(filter(selector(*arguments, **options), names))

    assert chosen((), ()) == ["a.png", "x/b.JPG", "x/y/c.nef", "out/d.png"]
    assert chosen((), (), recursive=False) == ["a.png"]
    assert chosen((), (), without="out/") == ["a.png", "x/b.JPG", "x/y/c.nef"]
    assert chosen(("x/*", "*.png"), ("*.nef",)) == ["a.png", "x/b.JPG", "out/d.png"]
