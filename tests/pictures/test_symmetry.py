"""The eight symmetries of a square."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.pictures import symmetry


def test_there_are_eight_ways_and_the_first_leaves_the_picture_as_it_is():
    picture = np.arange(3 * 16, dtype=np.uint8).reshape(4, 4, 3)

    ways = [symmetry.turn(picture, which).tobytes() for which in range(symmetry.COUNT)]

    assert len(set(ways)) == 8
    assert ways[0] == picture.tobytes()


@pytest.mark.parametrize("which", range(symmetry.COUNT))
def test_channels_stay_where_they_are(which):
    picture = np.zeros((4, 4, 3), np.uint16) + np.array([1, 2, 3], np.uint16)

    np.testing.assert_array_equal(symmetry.turn(picture, which), picture)


@given(
    height=st.integers(1, 20), width=st.integers(1, 20), which=st.integers(0, symmetry.COUNT - 1)
)
def test_turned_back_it_is_the_picture_again(picture, height, width, which):
    image = picture(height, width)
    turned = symmetry.turn(image, which)

    assert np.shares_memory(turned, image)
    np.testing.assert_array_equal(symmetry.turn_back(turned, which), image)
