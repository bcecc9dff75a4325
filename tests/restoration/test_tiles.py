from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.errors import TilingError
from mirnet.restoration import tiles

MULTIPLES = (4, 8, 32)
"""What networks take: the paper's, half-resolution ones, and those that count cells."""


@st.composite
def axes(draw):
    """Length, side and overlap, all multiples of the last number."""
    multiple = draw(st.sampled_from(MULTIPLES))
    side = multiple * draw(st.integers(2, 64))
    overlap = multiple * draw(st.integers(0, side // multiple // 2))
    return multiple * draw(st.integers(1, 1000)), side, overlap, multiple


@given(axes())
def test_tiles_cover_the_axis_and_stay_on_it(axis):
    length, side, overlap, multiple = axis
    starts = tiles.starts(length, side, overlap, multiple)

    assert starts[0] == 0
    assert starts[-1] + side == length or starts == [0]
    assert starts == sorted(set(starts))


@given(axes())
def test_tiles_start_on_the_grid_of_the_network(axis):
    assert all(start % axis[-1] == 0 for start in tiles.starts(*axis))


@given(axes())
def test_a_fitted_tile_covers_the_axis_with_as_few_and_stays_on_the_grid(axis):
    length, side, overlap, multiple = axis

    fitted = tiles.fit(*axis)

    assert fitted % multiple == 0
    assert fitted <= max(side, multiple)
    if fitted > overlap:
        assert len(tiles.starts(length, max(fitted, multiple), overlap, multiple)) == len(
            tiles.starts(*axis)
        )


@given(axes())
def test_neighbours_share_the_overlap_or_more(axis):
    length, side, overlap, multiple = axis
    starts = tiles.starts(length, side, overlap, multiple)

    assert all(left + side - right >= overlap for left, right in pairwise(starts))


@given(axes())
def test_there_is_no_tile_too_many(axis):
    length, side, overlap, _ = axis
    fewer = len(tiles.starts(*axis)) - 1

    assert fewer == 0 or fewer * side - (fewer - 1) * overlap < length


def test_a_short_axis_takes_one_tile():
    assert tiles.starts(4, 32, 16, 4) == [0]
    assert tiles.starts(32, 32, 16, 4) == [0]


@pytest.mark.parametrize("side", [-32, 0, 28, 33, 254])
def test_a_tile_that_the_network_cannot_take_is_refused(side):
    with pytest.raises(TilingError, match=rf"multiple of 4 and at least 32, got {side}$"):
        tiles.check(side, 0, 4)


@pytest.mark.parametrize("overlap", [-4, 2, 36, 64])
def test_an_overlap_that_does_not_fit_is_refused(overlap):
    with pytest.raises(TilingError, match=rf"half the tile \(32\), got {overlap}$"):
        tiles.check(64, overlap, 4)


@pytest.mark.parametrize(("side", "overlap"), [(32, 0), (32, 16), (256, 128)])
def test_the_limits_themselves_are_accepted(side, overlap):
    tiles.check(side, overlap, 4)


@pytest.mark.parametrize(("side", "overlap"), [(500, 32), (512, 16)])
def test_a_grid_of_32_pixels_is_kept(side, overlap):
    with pytest.raises(TilingError, match="multiple of 32"):
        tiles.check(side, overlap, 32)


@given(st.integers(0, 10**6), st.sampled_from(MULTIPLES))
def test_rounding_up_gives_the_next_multiple(length, multiple):
    rounded = tiles.round_up(length, multiple)

    assert rounded % multiple == 0
    assert 0 <= rounded - length < multiple


sides = st.integers(8, 128).map(lambda count: 4 * count)


@given(st.tuples(sides, sides), st.tuples(sides, sides))
def test_a_tile_of_whole_pages_grows_by_4_pixels_where_it_may(size, room):
    most = tuple(map(max, size, room))

    tall, wide = tiles.off_pages(size, most, 4)

    growth = tall - size[0], wide - size[1]
    assert growth in {(0, 0), (4, 0), (0, 4)}
    assert (tall <= most[0]) and (wide <= most[1])
    if size[0] * size[1] % 1024:
        assert growth == (0, 0)
    elif growth == (0, 0):
        assert size[0] == most[0] or (size[0] + 4) * size[1] % 1024 == 0
        assert size[1] == most[1] or size[0] * (size[1] + 4) % 1024 == 0
    else:
        assert tall * wide % 1024
