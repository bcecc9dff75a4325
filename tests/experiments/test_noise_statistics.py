"""Statistics of noise against noise whose figures are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import noise_statistics
from mirnet.errors import ShapeError


def normal(side=256, seed=0):
    return np.random.default_rng(seed).normal(size=(side, side, 3))


def measure(noise, clean=128):
    """The noise on a flat picture, rounded to 8 bits."""
    clean = np.broadcast_to(np.uint8(clean), noise.shape)
    noisy = np.rint(clean + noise).clip(0, 255).astype(np.uint8)
    return noise_statistics.measure(noisy, clean)


def test_white_noise_is_told_as_such():
    found = measure(10 * normal())

    np.testing.assert_allclose(found.level, 10, rtol=0.02)
    np.testing.assert_allclose(found.autocorrelation, 0, atol=0.02)
    np.testing.assert_allclose(found.channel_correlation, 0, atol=0.02)
    np.testing.assert_allclose(found.kurtosis, 0, atol=0.1)
    octaves = [0.75 / 4**k for k in range(4)] + [1 / 256]
    np.testing.assert_allclose(found.octaves, np.outer(octaves, [1 / 3, 2 / 3]), atol=0.003)


@pytest.mark.parametrize("axis", [0, 1])
def test_noise_averaged_with_its_neighbour_is_correlated_by_half(axis):
    white = normal()
    found = measure(10 * (white + np.roll(white, 1, axis)))

    along = np.array([[0, 0.5], [0.5, 0]])[axis]  # horizontally, vertically
    np.testing.assert_allclose(
        found.autocorrelation[:2, 0], along[:, None] + np.zeros(3), atol=0.02
    )
    np.testing.assert_allclose(found.autocorrelation[:, 1:], 0, atol=0.03)
    np.testing.assert_allclose(found.autocorrelation[2, 0], 0, atol=0.03)


@pytest.mark.parametrize("sign", [1, -1])
def test_both_diagonals_count(sign):
    white = normal()
    found = measure(10 * (white + np.roll(white, (1, sign), (0, 1))))

    np.testing.assert_allclose(found.autocorrelation[2, 0], 0.25, atol=0.02)
    np.testing.assert_allclose(found.autocorrelation[:2], 0, atol=0.03)


def test_channels_that_share_noise_are_correlated():
    red, green, blue = np.moveaxis(10 * normal(), 2, 0)
    found = measure(np.stack([red, red + green, blue], 2))

    np.testing.assert_allclose(found.channel_correlation, [0.5**0.5, 0, 0], atol=0.02)


def test_grey_noise_has_no_chroma_and_coloured_noise_no_luma():
    grey = np.repeat(10 * normal()[..., :1], 3, 2)
    coloured = grey * [1, 0, -1]

    np.testing.assert_allclose(measure(grey).octaves[:, 1], 0, atol=1e-12)
    np.testing.assert_allclose(measure(coloured).octaves[:, 0], 0, atol=1e-12)


def test_coarse_noise_lies_in_its_octave():
    blocks = np.kron(10 * normal(64), np.ones((4, 4, 1)))

    shares = measure(blocks).octaves.sum(1)

    np.testing.assert_allclose(shares[:2], 0, atol=1e-12)
    assert shares[2] == pytest.approx(0.75, abs=0.02)


def test_heavy_tails_show_in_the_kurtosis():
    laplace = np.random.default_rng(0).laplace(scale=7, size=(256, 256, 3))

    np.testing.assert_allclose(measure(laplace).kurtosis, 3, atol=0.6)


def test_noise_is_told_for_each_brightness():
    clean = np.repeat([[40, 140]], 128, 1)[..., None]  # dark to the left, bright to the right
    found = measure(normal() * np.where(clean < 100, 4, 12), clean)

    dark, bright = (np.digitize(level, noise_statistics.BINS) - 1 for level in (40, 140))
    np.testing.assert_allclose(found.by_brightness[dark], 4, rtol=0.03)
    np.testing.assert_allclose(found.by_brightness[bright], 12, rtol=0.03)
    assert np.isnan(np.delete(found.by_brightness, [dark, bright], 0)).all()


def test_a_subject_is_no_heavy_tail_and_no_correlation():
    """Two brightnesses with unlike noise, one with a bias as clipping makes it."""
    clean = np.repeat([[20, 200]], 128, 1)[..., None]
    found = measure(np.where(clean < 100, 3 * normal() + 5, 20 * normal(seed=1)), clean)

    np.testing.assert_allclose(found.autocorrelation, 0, atol=0.02)
    np.testing.assert_allclose(found.kurtosis, 0, atol=0.1)


def test_what_cannot_be_told_is_nan():
    found = measure(np.zeros((64, 64, 3)))

    assert (found.level == 0).all()
    for figures in (found.autocorrelation, found.channel_correlation, found.octaves):
        assert np.isnan(figures).all()


@given(st.integers(64, 100), st.integers(64, 100), st.integers(0, 1000))
@settings(max_examples=20)
def test_shares_of_power_sum_to_one_whatever_the_pictures(height, width, seed):
    rng = np.random.default_rng(seed)
    noisy, clean = rng.integers(0, 256, (2, height, width, 3), dtype=np.uint8)

    found = noise_statistics.measure(noisy, clean)

    assert found.octaves.sum() == pytest.approx(1)
    assert (found.octaves >= 0).all()
    assert (np.abs(found.channel_correlation) <= 1).all()


@pytest.mark.parametrize(("noisy", "clean"), [(65, 64), (63, 63)])
def test_pictures_that_are_too_small_or_unlike_are_refused(noisy, clean):
    halves = (np.zeros((64, width, 3), np.uint8) for width in (noisy, clean))

    with pytest.raises(ShapeError, match="64 pixels a side"):
        noise_statistics.measure(*halves)
