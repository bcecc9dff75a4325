"""All pairs are shown, or those where most and least is gained and some between; never more."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.evaluation.report.gallery import Gallery
from mirnet.evaluation.run import Measured, Outcome, Pictures
from mirnet.evaluation.scores import Scores

BLACK = np.zeros((4, 4, 3), np.float32)
PIXELS = Pictures(BLACK, BLACK, {"denoise": BLACK})


def pair(gain, before=20.0):
    """A pair of which the first method gains so many dB."""
    scores = [Scores(psnr, psnr, psnr, 0.5, 0.5, 0.5, 1.0) for psnr in (before, before + gain)]
    outcome = Outcome(scores[1], 1.0, None, None, None)
    return Measured(Path("data"), "name", 4, 4, scores[0], {"denoise": outcome})


def shown(gains, limit):
    gallery = Gallery(limit=limit, total=len(gains))
    most = 0
    for gain in gains:
        gallery.show(pair(gain), PIXELS)
        most = max(most, len(gallery.shown))
    assert most <= limit
    return sorted(gallery.shown)


@pytest.mark.parametrize("count", [0, 1, 5, 6])
def test_as_many_as_the_limit_are_all_shown(count):
    assert shown([1.0] * count, 6) == list(range(count))


def test_of_more_the_extremes_and_some_at_even_distances_are_shown():
    gains = [5.0] * 30
    gains[7], gains[8], gains[21], gains[22] = -3.0, 0.0, 9.0, 8.0

    assert shown(gains, 6) == [0, 7, 8, 15, 21, 22]


def test_of_none_none_is_shown():
    assert shown([1.0, 2.0, 3.0], 0) == []


def test_pictures_equal_to_the_truth_before_and_after_gain_nothing():
    gallery = Gallery(limit=3, total=4)
    for result in (pair(1.0), pair(2.0), pair(0.0, before=math.inf), pair(3.0)):
        gallery.show(result, PIXELS)

    assert 2 in gallery.shown  # the least
    assert 3 in gallery.shown  # the most


@given(st.lists(st.integers(-50, 50), max_size=40), st.integers(0, 12))
def test_the_worst_and_the_best_are_always_shown(gains, limit):
    numbers = shown(gains, limit)

    assert len(numbers) <= limit
    if len(gains) <= limit:
        assert numbers == list(range(len(gains)))
    elif limit >= 3:
        values = [gains[number] for number in numbers]
        assert {min(gains), max(gains)} <= set(values)
