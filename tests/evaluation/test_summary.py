"""Means are of the same pairs for the input and all methods; time is of all pixels together."""

from dataclasses import astuple, fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.evaluation import baselines
from mirnet.evaluation.run import Failed, Measured, Outcome
from mirnet.evaluation.scores import Scores
from mirnet.evaluation.summary import Summary

METHODS = baselines.open_all(["nlm:25", "nlm"])
NAMES = ["nlm:25", "nlm"]

SCORES = st.builds(Scores, *[st.floats(0, 60)] * len(fields(Scores)))
OUTCOMES = st.builds(
    Outcome,
    SCORES,
    seconds=st.floats(0, 10),
    tiles=st.none(),
    tiles_kept=st.none(),
    image=st.none(),
)
MEASURED = st.builds(
    Measured,
    folder=st.just(Path("val")),
    name=st.just("a"),
    height=st.integers(11, 5000),
    width=st.integers(11, 5000),
    input=SCORES,
    outcomes=st.fixed_dictionaries(dict.fromkeys(NAMES, OUTCOMES)),
)
FAILED = Failed(Path("val"), "b", "out of luck")


def summary(results):
    made = Summary(METHODS)
    for result in results:
        made.add(result)
    return made


@given(st.lists(MEASURED, min_size=1, max_size=5), st.integers(0, 3))
def test_means_are_those_of_the_measured_pairs_for_each_method(results, failed):
    made = summary([FAILED] * failed + results)

    assert (made.pairs, made.failed) == (len(results), failed)
    assert list(made.columns) == ["input", *NAMES]
    columns = {"input": [astuple(result.input) for result in results]} | {
        name: [astuple(result.outcomes[name].scores) for result in results] for name in NAMES
    }
    for name, rows in columns.items():
        means = made.columns[name].means
        assert means.count == len(results)
        assert astuple(means.scores) == pytest.approx(tuple(np.mean(rows, axis=0)))


@given(st.lists(MEASURED, min_size=1, max_size=5), st.integers(0, 3))
def test_time_is_that_of_all_pixels_together(results, failed):
    made = summary(results + [FAILED] * failed)

    megapixels = sum(result.height * result.width for result in results) / 1e6
    for name in NAMES:
        seconds = sum(result.outcomes[name].seconds for result in results)
        assert made.seconds_per_megapixel(name) == pytest.approx(seconds / megapixels)
    assert made.seconds_per_megapixel("input") is None


def test_large_pictures_weigh_more_in_the_time_and_no_more_in_the_means():
    scores = Scores(30.0, 30.0, 30.0, 0.5, 0.5, 0.5, 2.0)
    small, large = (Outcome(scores, seconds, None, None, None) for seconds in (1.0, 3.0))
    better = replace(scores, psnr=40.0)
    pairs = [
        Measured(Path("val"), "a", 1000, 1000, scores, dict.fromkeys(NAMES, small)),
        Measured(Path("val"), "b", 3000, 3000, better, dict.fromkeys(NAMES, large)),
    ]

    made = summary(pairs)

    assert made.seconds_per_megapixel("nlm") == pytest.approx(0.4)  # 4 s for 10 MP
    assert made.columns["input"].means.scores.psnr == 35.0
    assert made.columns["nlm"].means.scores.psnr == 30.0


@pytest.mark.parametrize("results", [[], [FAILED, FAILED]])
def test_before_the_first_pair_there_are_neither_means_nor_times(results):
    made = summary(results)

    assert (made.pairs, made.failed) == (0, len(results))
    for name in ("input", *NAMES):
        assert made.columns[name].means.scores is None
        assert made.seconds_per_megapixel(name) is None


def test_without_methods_the_input_is_summed_up_alone():
    scores = Scores(30.0, 31.0, 32.0, 0.5, 0.6, 0.7, 2.0, 0.1)
    made = Summary([])

    made.add(Measured(Path("val"), "a", 20, 20, scores, {}))

    assert list(made.columns) == ["input"]
    assert made.columns["input"].means.scores == scores
