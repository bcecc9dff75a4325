"""When a file counts as complete."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.system import writers
from mirnet.watch.arrivals import Arrivals, Version, version_of


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


A, B = Path("a.jpg"), Path("b.jpg")


def test_a_file_is_complete_after_it_has_not_changed_for_a_while():
    clock = Clock()
    arrivals = Arrivals(2.0, clock)
    growing = [Version(1, 1), Version(2, 2), Version(2, 2), Version(2, 2)]
    times = [0.0, 1.9, 3.8, 4.0]

    complete = []
    for clock.now, version in zip(times, growing, strict=True):
        complete.append(arrivals.complete({A: version}))

    assert complete == [[], [], [], [A]]
    assert not arrivals.are_waiting


def test_a_file_that_was_taken_away_starts_anew():
    clock = Clock()
    arrivals = Arrivals(2.0, clock)
    arrivals.complete({A: Version(1, 1), B: Version(1, 1)})
    clock.now = 1.0
    arrivals.complete({B: Version(1, 1)})
    clock.now = 2.0

    assert arrivals.complete({A: Version(1, 1), B: Version(1, 1)}) == [B]
    assert arrivals.are_waiting


@given(
    st.lists(
        st.tuples(st.floats(0.01, 3), st.dictionaries(st.sampled_from([A, B]), st.integers(1, 3)))
    ),
    st.floats(0, 4),
)
def test_what_is_complete_has_been_the_same_since_settle_seconds(steps, settle):
    clock = Clock()
    arrivals = Arrivals(settle, clock)
    history = []
    for pause, sizes in steps:
        clock.now += pause
        history.append((clock.now, sizes))
        for path in arrivals.complete({path: Version(size, 0) for path, size in sizes.items()}):
            same = [at for at, seen in history if seen.get(path) == sizes[path]]
            assert clock.now - same[0] >= settle


def test_an_empty_file_and_a_missing_one_have_no_version(tmp_path):
    (tmp_path / "a.jpg").touch()

    assert version_of(tmp_path / "a.jpg") is None
    assert version_of(tmp_path / "b.jpg") is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of writers so")
def test_a_file_that_a_program_still_has_open_for_writing_is_not_complete(tmp_path):
    path = tmp_path / "a.jpg"
    arrivals = Arrivals(0.0)
    with path.open("wb") as file:
        file.write(b"half")
        file.flush()
        if not writers.is_being_written(path):
            pytest.skip("this file system has no leases")
        assert arrivals.complete({path: version_of(path)}) == []
        assert arrivals.are_waiting
    with path.open("rb"):  # readers do not matter
        assert arrivals.complete({path: version_of(path)}) == [path]
