"""Grain that is added after restoring."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.errors import ShapeError
from mirnet.restoration.grain import Grain
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


def flat(value, height=256, width=256):
    return np.full((height, width, 3), value, np.float32)


def grained(image, grain, cut=10**6):
    """Given bands of `cut` rows."""
    return np.concatenate(
        list(grain.add(image[top : top + cut] for top in range(0, len(image), cut)))
    )


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 41), st.integers(0, 2**63))
def test_bands_have_no_part_in_it(height, width, cut, seed):
    image, grain = flat(0.4, height, width), Grain(6.0, seed)

    assert np.array_equal(grained(image, grain, cut), grained(image, grain))


@pytest.mark.parametrize("amount", [1.0, 4.0, 12.0])
def test_its_deviation_in_mid_grey_is_the_amount(amount):
    noise = (grained(flat(0.5), Grain(amount)) - 0.5) * 255

    assert noise.std() == pytest.approx(amount, rel=0.02)
    assert abs(noise.mean()) < 0.02 * amount
    assert np.array_equal(noise[..., 0], noise[..., 2])  # grey


def test_it_is_as_soft_across_as_down():
    noise = grained(flat(0.5), Grain(4.0))[..., 0] - 0.5

    across = np.mean(noise[:, 1:] * noise[:, :-1]) / np.mean(noise**2)
    down = np.mean(noise[1:] * noise[:-1]) / np.mean(noise**2)
    assert across == pytest.approx(2 / 3, abs=0.02)
    assert down == pytest.approx(2 / 3, abs=0.02)


def test_there_is_none_in_black_and_white_and_less_towards_them():
    deviations = [grained(flat(y), Grain(4.0)).std() for y in (0, 0.02, 0.2, 0.5, 0.8, 0.98, 1)]

    assert deviations[0] == deviations[-1] == 0
    assert deviations[1] < deviations[2] < deviations[3] > deviations[4] > deviations[5]


def test_what_exceeds_the_range_stays():
    image = flat(0.5, 8, 8)
    image[0, 0], image[1, 1], image[2, 2] = -0.5, 1.75, np.nan

    result = grained(image, Grain(10.0))

    assert (result[0, 0] == -0.5).all()
    assert (result[1, 1] == 1.75).all()
    assert np.isnan(result[2, 2]).all()
    assert np.isfinite(result).sum() == result.size - 3


def test_seeds_give_other_grain():
    first, second = (grained(flat(0.5), Grain(4.0, seed)) for seed in (0, 1))

    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("strength", "dtype"), [(1.0, np.uint8), (0.5, np.uint16), (0.0, np.float32)]
)
def test_a_restorer_adds_it_to_its_result(picture, strength, dtype):
    image = picture(90, 70, 3, dtype)
    plain = Restorer(EchoRuntime(), tile=64, strength=strength)
    grainy = Restorer(EchoRuntime(), tile=48, overlap=8, strength=strength, grain=Grain(5.0, 3))

    scale = 1 if dtype == np.float32 else np.iinfo(dtype).max
    expected = grained((plain(image) / scale).astype(np.float32), Grain(5.0, 3))

    difference = np.abs(grainy(image) / scale - expected)
    assert difference.max() < 1.01 / 255 if dtype == np.uint8 else difference.max() < 1e-4
    assert not np.array_equal(grainy(image), plain(image))


@pytest.mark.parametrize(("amount", "seed"), [(-1.0, 0), (51.0, 0), (float("nan"), 0), (1.0, -1)])
def test_other_amounts_and_seeds_are_refused(amount, seed):
    with pytest.raises(ShapeError, match="grain"):
        Grain(amount, seed)
