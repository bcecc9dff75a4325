"""Of ways that were timed, float32 is the measure, and a lower precision must earn its place."""

import time

import numpy as np
import pytest

from mirnet.models.facts import Facts
from mirnet.runtimes.choice import Way
from mirnet.runtimes.timing import LARGEST, ROUNDS, TOLERANCE, WORTH, _run, choose

SLOW, FAST, HALF = Way("a", "f32", ""), Way("b", "f32", ""), Way("b", "bf16", "")
EXACT = np.full((1, 3, 8, 8), 0.5, np.float32)


def chosen(half_seconds, difference=0.0):
    results = {SLOW: EXACT, FAST: EXACT, HALF: EXACT + difference}
    return choose(results, {SLOW: 2.0, FAST: 1.0, HALF: half_seconds})


def test_the_fastest_is_chosen():
    assert choose({SLOW: EXACT, FAST: EXACT}, {SLOW: 2.0, FAST: 1.0}) == FAST


def test_a_lower_precision_that_is_faster_and_agrees_is_chosen():
    assert chosen(0.5, 0.9 * TOLERANCE) == HALF


@pytest.mark.parametrize("difference", [1.1 * TOLERANCE, np.nan])
def test_a_lower_precision_that_differs_is_not(difference):
    assert chosen(0.5, np.float32(difference)) == FAST


def test_a_lower_precision_that_gains_little_is_not():
    assert chosen((1 + WORTH) / 2) == FAST
    assert chosen(WORTH - 0.01) == HALF


def test_without_float32_there_is_no_measure():
    assert choose({HALF: EXACT}, {HALF: 0.5}) is None


class Slow:
    """A stand-in for a runtime that takes its time, and notes its tiles."""

    name = "slow"

    def __init__(self, seconds, multiple):
        self.facts = Facts(multiple=multiple)
        self.sides = []
        self._seconds = seconds

    def __call__(self, batch):
        self.sides.append(batch.shape[-1])
        time.sleep(self._seconds)
        return batch

    def close(self):
        pass


@pytest.mark.parametrize(("multiple", "side"), [(4, 188), (32, LARGEST)])
def test_tiles_are_those_of_pictures_and_hopeless_ways_are_timed_once(multiple, side):
    opened = {SLOW: Slow(0.2, multiple), FAST: Slow(0.02, multiple), HALF: Slow(0.02, multiple)}

    results, seconds = _run(opened)

    assert results.keys() == seconds.keys() == opened.keys()
    assert [len(runtime.sides) for runtime in opened.values()] == [2, 1 + ROUNDS, 1 + ROUNDS]
    assert {each for runtime in opened.values() for each in runtime.sides} == {side}
    assert seconds[SLOW] >= 0.2 > seconds[FAST] >= 0.02
