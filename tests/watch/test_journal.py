"""What is known of pictures after the process ended, at any moment."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.watch.arrivals import Version
from mirnet.watch.journal import Journal

SOURCE = Path("/in/a.jpg")
FIRST, SECOND = Version(10, 1), Version(11, 2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
def target(tmp_path):
    return tmp_path / "a.jpg"


@pytest.mark.parametrize("status", ["restored", "skipped"])
def test_what_is_done_is_handled_for_good(path, target, status):
    journal = Journal(path)
    assert not journal.is_handled(SOURCE, FIRST)
    journal.begin(SOURCE, FIRST, target)
    journal.finish(SOURCE, FIRST, target, status)

    for each in (journal, Journal(path)):
        assert each.is_handled(SOURCE, FIRST)
        assert not each.is_handled(SOURCE, SECOND)
        assert each.maker(target) == (SOURCE if status == "restored" else None)


def test_a_failure_counts_until_the_next_start(path, target):
    journal = Journal(path)
    journal.begin(SOURCE, FIRST, target)
    journal.finish(SOURCE, FIRST, target, "failed")

    assert journal.is_handled(SOURCE, FIRST)
    assert not Journal(path).is_handled(SOURCE, FIRST)


def test_a_kill_before_the_result_leaves_the_picture_to_do(path, target):
    Journal(path).begin(SOURCE, FIRST, target)

    assert not Journal(path).is_handled(SOURCE, FIRST)
    assert Journal(path).maker(target) is None


def test_a_kill_between_result_and_note_counts_as_done(path, target):
    Journal(path).begin(SOURCE, FIRST, target)
    target.write_bytes(b"result")

    assert Journal(path).is_handled(SOURCE, FIRST)
    assert Journal(path).maker(target) == SOURCE


def test_a_kill_before_an_older_result_is_replaced_leaves_the_picture_to_do(path, target):
    journal = Journal(path)
    journal.begin(SOURCE, FIRST, target)
    target.write_bytes(b"first result")
    journal.finish(SOURCE, FIRST, target, "restored")
    journal.begin(SOURCE, SECOND, target)

    again = Journal(path)
    assert not again.is_handled(SOURCE, SECOND)
    assert again.maker(target) == SOURCE  # so it may be replaced


@given(st.data())
def test_a_line_cut_anywhere_costs_that_line_alone(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("journal") / "journal"
    names = [Path(f"/in/{name}.jpg") for name in ("ä", "b\udce9", 'c"\n')]
    journal = Journal(path)
    for name in names:
        journal.finish(name, FIRST, Path("/out") / name.name, "restored")
    whole = path.read_bytes()
    last = whole[:-1].rindex(b"\n") + 1
    path.write_bytes(whole[: data.draw(st.integers(last, len(whole) - 2))])

    again = Journal(path)
    assert [again.is_handled(name, FIRST) for name in names] == [True, True, False]
    again.finish(names[2], FIRST, Path("/out/c"), "restored")
    assert all(Journal(path).is_handled(name, FIRST) for name in names)
