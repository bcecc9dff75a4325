"""sRGB and linear light: inverse to each other, and as the standard says."""

import pytest
import torch

from mirnet.camera import light


def test_each_is_the_others_inverse():
    levels = torch.linspace(0, 1, 1001)

    there = light.from_srgb(levels)

    assert (there.diff() > 0).all()
    torch.testing.assert_close(light.to_srgb(there), levels, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("level", "expected"), [(0, 0), (0.04, 0.003096), (0.5, 0.214041), (1, 1)])
def test_the_curve_is_that_of_the_standard(level, expected):
    assert light.from_srgb(torch.tensor(float(level))) == pytest.approx(expected, abs=1e-6)


def test_beyond_black_and_white_light_is_clipped_and_a_level_is_not():
    outside = torch.tensor([-0.1, 1.2])

    torch.testing.assert_close(light.to_srgb(outside), torch.tensor([0.0, 1.0]))
    assert light.from_srgb(torch.tensor(-0.01)) == pytest.approx(-0.01 / 12.92)
