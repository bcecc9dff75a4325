"""Of ways that were timed, float32 is the measure, and a lower precision must earn its place."""

import numpy as np
import pytest

from mirnet.runtimes.choice import Way
from mirnet.runtimes.timing import TOLERANCE, WORTH, choose

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
