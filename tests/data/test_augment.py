"""The eight symmetries of a square."""

import numpy as np

from mirnet.data import augment


def test_patches_are_turned_in_all_eight_ways():
    picture = np.arange(3 * 16, dtype=np.uint8).reshape(4, 4, 3)

    ways = {augment.turn(picture, k).tobytes() for k in range(augment.TURNS)}

    assert len(ways) == 8
    assert picture.tobytes() in ways


def test_channels_stay_where_they_are():
    picture = np.zeros((4, 4, 3), np.uint16) + np.array([1, 2, 3], np.uint16)

    for k in range(augment.TURNS):
        np.testing.assert_array_equal(augment.turn(picture, k), picture)
