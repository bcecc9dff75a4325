"""Tiles side by side come out as one after the other, only sooner."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.errors import InferenceError
from mirnet.models.facts import Facts
from mirnet.restoration.lanes import AHEAD, Lanes
from mirnet.restoration.restorer import Restorer


@pytest.fixture
def lanes():
    opened = Lanes(2)
    yield opened
    opened.close()


def tile(value):
    return np.full((4, 4, 3), value, np.float32)


def test_results_come_in_the_order_of_the_tiles_whichever_is_done_first(lanes):
    def run(picture):
        time.sleep(0.02 * float(picture[0, 0, 0] % 3))
        return picture + 100

    results = list(lanes.map(run, (tile(k) for k in range(10))))

    assert [result[0, 0, 0] for result in results] == list(range(100, 110))


def test_as_many_tiles_as_there_are_lanes_run_at_a_time(lanes):
    together = threading.Barrier(2, timeout=20)

    def run(picture):
        together.wait()  # never passes unless another one runs too
        return picture

    assert len(list(lanes.map(run, (tile(k) for k in range(6))))) == 6


def test_tiles_are_asked_for_only_a_little_ahead_and_in_the_caller_s_thread(lanes):
    asked, threads = 0, set()

    def tiles():
        nonlocal asked
        for k in range(100):
            asked += 1
            threads.add(threading.get_ident())
            yield tile(k)

    results = lanes.map(np.copy, tiles())
    for count in range(1, 6):
        next(results)
        assert asked <= count + 2 * AHEAD
    results.close()

    assert threads == {threading.get_ident()}


def test_what_a_tile_raises_comes_to_the_caller_and_the_lanes_go_on(lanes):
    def run(picture):
        if picture[0, 0, 0] == 3:
            raise InferenceError("out of luck")
        return picture

    results = lanes.map(run, (tile(k) for k in range(9)))

    assert [next(results)[0, 0, 0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InferenceError, match="out of luck"):
        next(results)
    assert len(list(lanes.map(np.copy, [tile(0)]))) == 1


class Blurs:
    """Changes every tile by what is in it, as a network does; on so many lanes, at random pace."""

    name = "blurs"

    def __init__(self, lanes):
        self.facts = Facts(lanes=lanes)

    def __call__(self, batch):
        time.sleep(0.001 * (threading.get_ident() % 3))
        return (batch + batch.mean((2, 3), keepdims=True)) / 2

    def close(self):
        pass


@settings(max_examples=20)
@given(st.integers(1, 150), st.integers(1, 150), st.integers(2, 5))
def test_a_picture_restored_on_several_lanes_is_that_restored_on_one(height, width, count):
    noisy = np.random.default_rng(height * width).random((height, width, 3), np.float32)

    def restored(lanes):
        with Restorer(Blurs(lanes), tile=32, overlap=4) as restorer:
            result = restorer.restore(noisy)
            return result.array(), result.tally

    (one, first), (many, second) = restored(1), restored(count)

    np.testing.assert_array_equal(many, one)
    assert first == second


def test_progress_counts_every_pixel_on_several_lanes(picture):
    done = []
    noisy = picture(100, 90)
    with Restorer(Blurs(3), tile=32, overlap=4) as restorer:
        restorer.restore(noisy, progress=done.append).array()

    assert sum(done) == pytest.approx(9000)
