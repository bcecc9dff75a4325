"""Between the restored picture and the original: which noise comes back, and that it has no seams.

The oracle of the split is SciPy's convolution with mirrored edges.
"""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime
from mirnet.restoration.strength import REACH, ROWS, SCALES, blend, layers, shares

STRENGTHS = st.floats(0, 1)
BETWEEN = st.floats(0.01, 0.99)


def scales(plane):
    """Of the à trous transform with a B3 spline, from fine to coarse, in double precision."""
    parts, plane = [], plane.astype(np.float64)
    for scale in range(SCALES):
        taps = np.zeros(4 * 2**scale + 1)
        taps[:: 2**scale] = np.array([1, 4, 6, 4, 1]) / 16
        smooth = plane
        for axis in (0, 1):
            smooth = ndimage.convolve1d(smooth, taps, axis=axis, mode="mirror")
        parts.append(plane - smooth)
        plane = smooth
    return [*parts, plane]


def blended(original, removed, strength, cut=10**6):
    """Given bands of `cut` rows."""
    both = layers(original, removed)
    bands = (both[top : top + cut] for top in range(0, len(both), cut))
    return np.concatenate(list(blend(bands, len(both), strength)))


def noise(height, width, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.05, (height, width, channels)).astype(np.float32)


def grey(height, width):
    return np.full((height, width, 3), 0.5, np.float32)


def power(values):
    return float(np.mean(np.square(values)))


class Squares(EchoRuntime):
    """A runtime that changes much, and each pixel alone, so that tiles have no part in it."""

    def __call__(self, batch):
        return batch * batch


@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 7, 64]), BETWEEN)
def test_each_part_comes_back_by_its_share(height, width, cut, strength):
    original, removed = grey(height, width), noise(height, width)
    result = blended(original, removed, strength, cut)

    *of_luminance, of_chroma = shares(strength)
    luminance = removed.mean(axis=2)
    grain = sum(share * part for share, part in zip(of_luminance, scales(luminance), strict=True))
    chroma = removed - luminance[..., None]
    expected = original - removed + of_chroma * chroma + grain[..., None]
    np.testing.assert_allclose(result, expected, atol=1e-6)


@given(BETWEEN)
def test_fine_luminance_comes_back_first_and_chroma_last(strength):
    parts = shares(strength)

    assert parts[0] == np.float32(1 - strength)  # that of a plain blend
    assert (np.diff(parts) < 0).all()


def test_everything_is_gone_at_1_and_back_at_0():
    original, removed = grey(50, 40), noise(50, 40)

    assert (shares(1.0) == 0).all()
    assert (shares(0.0) == 1).all()
    gone = blended(original, removed, 1.0)
    back = blended(original, removed, 0.0)
    np.testing.assert_array_equal(gone, original - removed)
    np.testing.assert_allclose(back, original, atol=1e-6)


@given(st.integers(1, 50), st.integers(1, 50), STRENGTHS, STRENGTHS)
def test_less_strength_is_never_farther_from_the_original(height, width, one, other):
    """The noise is too weak to leave the range; clipping could bring one of two results nearer."""
    original, removed = grey(height, width), noise(height, width)
    less, more = (
        power(blended(original, removed, strength) - original) for strength in sorted((one, other))
    )

    assert less <= more + 1e-9


@given(st.integers(1, 90), st.integers(1, 40), STRENGTHS, st.floats(0, 1, width=32))
def test_where_nothing_was_removed_nothing_changes(height, width, strength, value):
    original = np.full((height, width, 3), value, np.float32)

    result = blended(original, np.zeros_like(original), strength)

    np.testing.assert_array_equal(result, original)


@pytest.mark.parametrize("strength", [0.2, 0.5, 0.8])
def test_grain_comes_back_without_colour(strength):
    original, removed = grey(200, 200), noise(200, 200)
    result = blended(original, removed, strength)

    back = result - (original - removed)
    finest, coarse = (
        np.sqrt(power(part(back)) / power(part(removed)))
        for part in (lambda x: scales(x.mean(2))[0], lambda x: scales(x.mean(2))[-1])
    )
    colour = np.sqrt(power(chroma(back)) / power(chroma(removed)))
    assert colour < coarse < finest
    assert finest == pytest.approx(1 - strength, abs=0.06)  # scales overlap somewhat
    assert colour == pytest.approx((1 - strength) ** 5, rel=1e-3)


def chroma(picture):
    return picture - picture.mean(axis=2, keepdims=True)


@given(st.integers(0, 3), BETWEEN)
def test_the_result_stays_in_the_range_of_pictures(seed, strength):
    rng = np.random.default_rng(seed)
    original, restored = np.rint(rng.random((2, 40, 30, 3))).astype(np.float32)
    result = blended(original, original - restored, strength)

    assert result.min() == 0
    assert result.max() == 1


def test_what_is_beyond_the_range_and_what_is_no_number_stays_in_its_pixels():
    original, removed = grey(60, 60), noise(60, 60)
    values = {(5, 5): np.nan, (30, 30): np.inf, (31, 31): -np.inf, (40, 10): 7.5, (41, 10): -2}
    for place, value in values.items():
        removed[place] = 0.1 * np.sign(value) if np.isfinite(value) else 0
    expected, special = blended(original, removed, 0.5), original.copy()
    for place, value in values.items():
        special[place] = value
        expected[place] += value - 0.5
    result = blended(special, removed, 0.5)

    np.testing.assert_allclose(result, expected, atol=1e-6)


@given(
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    channels=st.sampled_from([1, 3]),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    tile=st.sampled_from([32, 64, 100]),
    overlap=st.sampled_from([0, 8, 16]),
)
def test_the_tiles_cannot_be_told_from_the_result(
    picture, height, width, channels, dtype, tile, overlap
):
    """However they lie, the result is that of the whole picture in one tile."""
    image = picture(height, width, channels, dtype)
    runtime = Squares()
    whole = Restorer(runtime, tile=168, overlap=0, strength=0.5)(image)
    tiled = Restorer(runtime, tile=tile, overlap=overlap, strength=0.5)(image)

    assert tiled.dtype == image.dtype
    assert tiled.shape == image.shape
    if dtype == np.float32:
        np.testing.assert_allclose(tiled, whole, atol=2e-6)
    else:  # what is halfway between two integers may go either way
        assert np.abs(tiled.astype(int) - whole.astype(int)).max() <= 1


def test_bands_come_out_as_soon_as_the_rows_below_are_there():
    taken = 0

    def bands():
        nonlocal taken
        for _ in range(40):
            taken += 10
            yield layers(grey(10, 8), noise(10, 8))

    first = next(blend(bands(), 400, 0.5))

    assert taken <= 10 + REACH + 10
    assert len(first) == taken - REACH


def peak_memory(height, width=200):
    band = layers(grey(100, width), noise(100, width))
    tracemalloc.start()
    for _ in blend((band for _ in range(height // 100)), height, 0.5):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_holds_a_few_rows():
    rows = (ROWS + 2 * REACH) * 200 * 6 * 4
    peak_memory(300)  # warms up whatever is cached

    assert peak_memory(3000) < 1.1 * peak_memory(300)
    assert peak_memory(3000) < 4 * rows
