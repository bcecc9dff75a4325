"""A link that breaks ends the chain and is named; what is missing is skipped, if it may be."""

import logging
import math

import pytest

from mirnet.chain.parts import FigureCheck, Findings, LinkPart, Status, run
from mirnet.errors import DataError, RuntimeMissingError

GOOD = FigureCheck("gain", 2.0, ">=", 1.0, "dB")


def does(*checks):
    return lambda: Findings("did it", checks, {"pictures": 3})


def raises(error):
    def work():
        raise error

    return work


def states(parts):
    return [(each.link, each.part, each.status.value) for each in run(parts)]


def test_parts_that_hold_pass_with_what_they_found():
    (result,) = run([LinkPart("evaluate", "all", does(GOOD))])

    assert (result.link, result.part, result.status) == ("evaluate", "all", Status.PASSED)
    assert (result.did, result.checks, result.details) == ("did it", (GOOD,), {"pictures": 3})
    assert result.reason == ""
    assert result.seconds > 0


def test_a_bound_that_is_not_met_fails_and_says_what_was_expected():
    low = FigureCheck("gain", 0.4, ">=", 1.0, "dB")
    many = FigureCheck("pairs", 3, "=", 4, form="d")

    (result,) = run([LinkPart("evaluate", "all", does(low, GOOD, many))])

    assert result.status == Status.FAILED
    assert result.reason == "gain 0.40 dB, expected >= 1.00 dB; pairs 3, expected = 4"


@pytest.mark.parametrize("rule", ["<", "<=", "=", ">="])
def test_what_is_no_number_meets_no_bound(rule):
    assert not FigureCheck("loss", math.nan, rule, 1.0).is_met
    assert not FigureCheck("loss", math.nan, rule, math.inf).is_met


@pytest.mark.parametrize(
    ("rule", "met"), [("<", (0,)), ("<=", (0, 1)), ("=", (1,)), (">=", (1, 2))]
)
def test_rules_mean_what_they_look_like(rule, met):
    assert tuple(n for n in range(3) if FigureCheck("n", n, rule, 1).is_met) == met


def test_a_link_that_fails_stops_the_rest_and_is_named():
    begun = []
    parts = [
        LinkPart("data", "pictures", does(GOOD)),
        LinkPart("data", "patches", raises(DataError("no\n room"))),
        LinkPart("data", "shards", does(GOOD)),
        LinkPart("train", "all", does(GOOD), optional=True, independent=True),
    ]

    results = list(run(parts, begun.append))

    assert [each.status.value for each in results] == ["passed", "failed", "skipped", "skipped"]
    assert [each.reason for each in results] == ["", "no room", "data failed", "data failed"]
    assert begun == parts[:2]


def test_independent_parts_of_a_broken_link_are_done_and_the_next_link_is_not():
    parts = [
        LinkPart("export", "onnx", raises(DataError("no")), independent=True),
        LinkPart("export", "mnn", does(GOOD), independent=True),
        LinkPart("export", "pth", raises(DataError("no")), independent=True),
        LinkPart("infer", "mnn cpu", does(GOOD), independent=True),
    ]

    assert states(parts) == [
        ("export", "onnx", "failed"),
        ("export", "mnn", "passed"),
        ("export", "pth", "failed"),
        ("infer", "mnn cpu", "skipped"),
    ]


@pytest.mark.parametrize("error", [RuntimeMissingError("pip"), ModuleNotFoundError("pip")])
def test_what_is_missing_is_skipped_where_it_may_be(error):
    parts = [
        LinkPart("export", "onnx", raises(error), optional=True, independent=True),
        LinkPart("infer", "mnn cpu", does(GOOD)),
        LinkPart("infer", "onnx cpu", raises(error)),
    ]

    results = list(run(parts))

    assert [each.status.value for each in results] == ["skipped", "passed", "failed"]
    assert [each.reason for each in results] == ["pip", "", "pip"]


def test_optional_parts_fail_of_all_that_is_not_missing():
    parts = [LinkPart("export", "onnx", raises(ImportError("a library is broken")), optional=True)]

    assert states(parts) == [("export", "onnx", "failed")]


def test_errors_that_nobody_expected_fail_in_one_line_and_are_logged_whole(caplog):
    with caplog.at_level(logging.INFO, "mirnet"):
        (result,) = run([LinkPart("train", "all", raises(ZeroDivisionError("nothing\nat all")))])

    assert (result.status, result.reason) == (Status.FAILED, "ZeroDivisionError: nothing")
    assert "Traceback" in caplog.text


def test_an_interruption_goes_through():
    with pytest.raises(KeyboardInterrupt):
        list(run([LinkPart("train", "all", raises(KeyboardInterrupt()))]))
