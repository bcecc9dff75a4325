"""How many cores there are, and how many are wanted."""

import os

import pytest

from mirnet.system import cores


def test_there_are_as_many_as_this_process_may_use():
    count = cores.available()

    assert 1 <= count <= os.cpu_count()
    if hasattr(os, "sched_setaffinity"):
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(before)})
        assert cores.available() == 1
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize("wanted", ["1", "3"])
def test_omp_num_threads_decides_how_many_compute(monkeypatch, wanted):
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)

    assert cores.threads() == int(wanted)


@pytest.mark.parametrize("wanted", ["", "0", "many", "-1"])
def test_what_is_no_number_of_threads_decides_nothing(monkeypatch, wanted):
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)

    assert cores.threads() == cores.available()
