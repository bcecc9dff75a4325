"""Rows of samples: shuffled epochs, and shares spread evenly."""

import doctest
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from mirnet.training.samples import order


def test_examples_hold():
    assert doctest.testmod(order).failed == 0
    assert doctest.testmod(order).attempted >= 2


@given(length=st.integers(1, 40), epoch=st.integers(0, 10**6), seed=st.integers(0, 2**32 - 1))
def test_each_comes_once_an_epoch(length, epoch, seed):
    places = range(epoch * length, (epoch + 1) * length)

    assert sorted(order.shuffled(place, length, seed) for place in places) == list(range(length))


def test_epochs_and_seeds_differ_and_can_be_asked_for_in_any_order():
    rows = [
        [order.shuffled(epoch * 50 + k, 50, seed) for k in range(50)]
        for epoch, seed in ((0, 1), (1, 1), (0, 2))
    ]

    assert rows[0] != rows[1] != rows[2] != rows[0]
    order._permutation.cache_clear()
    assert [order.shuffled(49 - k, 50, 1) for k in range(50)] == rows[0][::-1]


@given(numerator=st.integers(0, 30), denominator=st.integers(1, 30), places=st.integers(0, 200))
def test_a_share_is_kept_exactly_and_both_kinds_are_counted(numerator, denominator, places):
    share = Fraction(min(numerator, denominator), denominator)

    spread = [order.spread(place, share) for place in range(places)]

    assert sum(is_of for is_of, _ in spread) == places * share // 1
    for kind in (True, False):
        counted = [number for is_of, number in spread if is_of is kind]
        assert counted == list(range(len(counted)))
