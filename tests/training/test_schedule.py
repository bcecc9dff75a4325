"""Stages and learning rate at chosen steps."""

import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.training import schedule
from mirnet.training.recipe import Optimisation, Stage

STAGES = [Stage(10, 64, 8), Stage(5, 128, 2)]
OPTIM = Optimisation(lr=1e-3, lr_min=1e-5, warmup=10, hold=0.5)


def test_examples_hold():
    assert doctest.testmod(schedule).failed == 0
    assert doctest.testmod(schedule).attempted >= 2


@pytest.mark.parametrize(("step", "patch"), [(0, 64), (9, 64), (10, 128), (14, 128), (99, 128)])
def test_a_step_belongs_to_its_stage(step, patch):
    assert schedule.stage_at(STAGES, step).patch == patch


@pytest.mark.parametrize(
    ("step", "lr"), [(0, 1e-4), (9, 1e-3), (10, 1e-3), (50, 1e-3), (75, 5.05e-4), (100, 1e-5)]
)
def test_the_rate_warms_up_holds_and_falls(step, lr):
    assert schedule.lr_at(OPTIM, step, 100) == pytest.approx(lr)


@given(step=st.integers(11, 99))
def test_after_the_warm_up_the_rate_never_rises(step):
    assert schedule.lr_at(OPTIM, step, 100) <= schedule.lr_at(OPTIM, step - 1, 100)


def test_without_warm_up_and_hold_it_is_a_cosine_from_the_first_step():
    optim = Optimisation(lr=1.0, lr_min=0.0)

    for step in range(10):
        expected = (1 + math.cos(math.pi * step / 10)) / 2
        assert schedule.lr_at(optim, step, 10) == pytest.approx(expected)
