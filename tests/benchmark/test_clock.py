import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.benchmark.clock import STAGES, Clock

nested = st.recursive(
    st.just([]), lambda inner: st.lists(st.tuples(st.sampled_from(STAGES), inner), max_size=4)
)
"""Stages, each with those inside it."""


class Ticking:
    """A time that goes on by the next whole number whenever it is looked at."""

    def __init__(self):
        self.now = 0.0
        self.step = 0.0

    def __call__(self):
        self.step += 1
        self.now += self.step
        return self.now


def walk(clock, stages):
    for name, inner in stages:
        with clock.stage(name):
            walk(clock, inner)


@given(st.sampled_from(STAGES), nested)
def test_stages_add_up_however_they_are_nested(outer, inner):
    now = Ticking()
    clock = Clock(now)
    started = now.now + 1
    with clock.stage(outer):
        walk(clock, inner)

    assert sum(clock.seconds.values()) == now.now - started


def test_a_stage_inside_another_one_stops_that_ones_time():
    times = iter([0.0, 1.0, 11.0, 111.0])
    clock = Clock(lambda: next(times))
    with clock.stage("tiling"), clock.stage("inference"):
        pass

    assert clock.seconds == {"tiling": 101.0, "inference": 10.0}


def test_what_is_between_stages_is_no_stages_time():
    times = iter([0.0, 1.0, 5.0, 7.0])
    clock = Clock(lambda: next(times))
    for _ in range(2):
        with clock.stage("read"):
            pass

    assert clock.seconds == {"read": 3.0}


def test_after_an_error_the_outer_stage_goes_on():
    times = iter([0.0, 1.0, 3.0, 7.0])
    clock = Clock(lambda: next(times))
    with clock.stage("write"), pytest.raises(ValueError, match="x"), clock.stage("read"):
        raise ValueError("x")

    assert clock.seconds == {"write": 5.0, "read": 2.0}
