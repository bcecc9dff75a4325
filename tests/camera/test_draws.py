"""Random figures for a batch, and changes to some of its pictures."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mirnet.camera import draws


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_each_factor_is_as_likely_as_any_other():
    figures = draws.log_uniform(4000, 0.01, 100.0, generator())

    assert figures.min() >= 0.01
    assert figures.max() <= 100
    logs = figures.log()
    assert logs.mean() == pytest.approx(0, abs=0.15)
    assert logs.std() == pytest.approx(math.log(1e4) / 12**0.5, rel=0.03)


@given(chosen=st.lists(st.booleans(), min_size=1, max_size=6))
def test_what_is_not_chosen_stays(chosen):
    image = torch.rand(len(chosen), 3, 4, 4, generator=generator())
    figures = torch.arange(float(len(chosen)))

    def add(some, figure):
        return some + figure[:, None, None, None]

    found = draws.change(torch.tensor(chosen), add, image, figures)

    expected = torch.where(torch.tensor(chosen), figures, 0.0)[:, None, None, None] + image
    torch.testing.assert_close(found, expected)
