import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.restoration import stitch
from mirnet.restoration.stitch import Layout


@st.composite
def layouts(draw, longest=150):
    multiple = draw(st.sampled_from([4, 8, 32]))
    side = multiple * draw(st.integers(max(32 // multiple, 2), 96 // multiple))
    overlap = multiple * draw(st.integers(0, side // multiple // 2))
    height, width = draw(st.integers(1, longest)), draw(st.integers(1, longest))
    border, whole = draw(st.sampled_from([0, 8])), draw(st.booleans())
    return Layout(height, width, side, overlap, border, multiple=multiple, whole=whole)


class Rows:
    """Hands out rows, and remembers how."""

    def __init__(self, image):
        self.image = image
        self.given = 0

    def __call__(self, count):
        assert 0 < count <= len(self.image) - self.given
        self.given += count
        return self.image[self.given - count : self.given]


def noise(layout, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((layout.height, layout.width, 3), np.float32)


@given(layouts())
def test_what_no_tile_changes_comes_out_as_it_went_in(layout):
    image = noise(layout)
    bands = list(stitch.bands(Rows(image), layout, np.copy))

    np.testing.assert_allclose(np.concatenate(bands), image, atol=1e-6)


@given(layouts())
def test_every_row_is_read_once_and_in_order(layout):
    rows = Rows(noise(layout))
    for _ in stitch.bands(rows, layout, np.copy):
        pass

    assert rows.given == layout.height


@given(layouts())
def test_all_tiles_are_of_one_size_and_as_many_as_announced(layout):
    shapes = []

    def run(tile):
        shapes.append(tile.shape)
        return tile

    for _ in stitch.bands(Rows(noise(layout)), layout, run):
        pass

    assert set(shapes) == {(*layout.tile_size, 3)}
    assert len(shapes) == layout.count
    assert all(side % layout.multiple == 0 and side <= layout.tile for side in layout.tile_size)
    assert all(start % layout.multiple == 0 for start in (*layout.tops, *layout.lefts))


@given(layouts(longest=1000))
def test_tiles_cover_the_picture_and_its_border(layout):
    (height, width), (tall, wide) = layout.canvas, layout.tile_size

    assert layout.tops[-1] + tall == height >= layout.height + 2 * layout.border
    assert layout.lefts[-1] + wide == width >= layout.width + 2 * layout.border


def test_tiles_are_not_of_whole_pages_of_memory_unless_asked_for():
    assert stitch.Layout(580, 580, 188, 16, 4, multiple=4).tile_size == (164, 160)
    assert stitch.Layout(580, 580, 160, 16, 4, multiple=4).tile_size == (160, 160)
    assert stitch.Layout(580, 580, 160, 16, 4, multiple=4, whole=True).tile_size == (160, 160)


@given(layouts(longest=1000))
def test_weights_sum_to_one_everywhere(layout):
    length, side = layout.canvas[1], layout.tile_size[1]
    total = np.zeros(length)
    for left, weights in zip(
        layout.lefts, stitch.feather(layout.lefts, side, length, layout.overlap), strict=True
    ):
        assert weights.min() > 0
        total[left : left + side] += weights

    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_the_outer_quarter_of_an_overlap_counts_nothing():
    first, second = stitch.feather([0, 32], 64, 96, 32)

    assert (second[:8] < 1e-5).all()
    assert (first[-8:] < 1e-5).all()
    assert (np.diff(second[8:24]) > 0).all()
    assert (second[24:] > 0.99999).all()
    assert first[0] == second[-1] == 1


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_values_that_are_no_numbers_stay_in_their_pixels(value):
    layout = Layout(100, 100, 40, 16, border=8, multiple=4)
    image = noise(layout)
    image[::7, ::5, 1] = value
    bands = list(stitch.bands(Rows(image), layout, np.copy))

    np.testing.assert_allclose(np.concatenate(bands), image, atol=1e-6)


def test_the_network_sees_reflections_beyond_the_edge():
    layout = Layout(24, 24, 40, 0, border=8, multiple=4)
    image = noise(layout)
    tiles = []
    for _ in stitch.bands(Rows(image), layout, lambda tile: tiles.append(tile) or tile):
        pass

    np.testing.assert_array_equal(tiles[0], np.pad(image, ((8, 8), (8, 8), (0, 0)), "reflect"))


def test_bands_come_out_before_the_last_rows_are_read():
    layout = Layout(400, 40, 64, 16, border=8, multiple=4)
    rows = Rows(noise(layout))
    first = next(stitch.bands(rows, layout, np.copy))

    assert rows.given <= 64
    assert len(first) <= 64


def test_a_band_stays_as_it_was_when_the_next_is_made():
    layout = Layout(200, 40, 64, 16, border=8, multiple=4)
    image = noise(layout)
    top = 0
    kept = [(band, band.copy()) for band in stitch.bands(Rows(image), layout, np.copy)]
    for band, copy in kept:
        np.testing.assert_array_equal(band, copy)
        top += len(band)

    assert top == 200


def peak_memory(height):
    """In bytes, of streaming a picture of this height that is never whole anywhere."""
    layout = Layout(height, 96, 64, 16, border=8, multiple=4)
    row = np.random.default_rng(0).random((1, 96, 3), np.float32)
    tracemalloc.start()
    for _ in stitch.bands(lambda count: np.repeat(row, count, axis=0), layout, np.copy):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_holds_about_one_row_of_tiles():
    row_of_tiles = 64 * (96 + 16) * 3 * 4
    peak_memory(300)  # warms up whatever is cached

    assert peak_memory(3000) < 1.2 * peak_memory(300)
    assert peak_memory(3000) < 8 * row_of_tiles


@settings(max_examples=30)
@given(layouts(), st.integers(0, 3))
def test_what_each_pixel_becomes_alone_does_not_depend_on_the_tiles(layout, seed):
    image = noise(layout, seed)
    bands = list(stitch.bands(Rows(image), layout, lambda tile: 1 - tile * tile))

    np.testing.assert_allclose(np.concatenate(bands), 1 - image * image, atol=1e-6)
