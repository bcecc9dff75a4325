"""PSNR and SSIM against scikit-image and against their formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mirnet import metrics
from mirnet.errors import ShapeError

METRICS = (metrics.psnr, metrics.ssim, metrics.ssim_y, metrics.ssim_volume)


@pytest.fixture(scope="module")
def pair():
    truth = data.astronaut()[100:180, 200:300]
    noise = np.random.default_rng(0).normal(0, 15, truth.shape)
    return np.clip(truth + noise, 0, 255).round().astype(np.uint8), truth


def test_psnr_equals_scikit_image(pair):
    expected = peak_signal_noise_ratio(pair[1], pair[0], data_range=255)

    assert metrics.psnr(*pair, data_range=255) == pytest.approx(expected, abs=1e-9)


@given(level=st.integers(0, 255), difference=st.integers(1, 255))
def test_psnr_of_flat_pictures_follows_the_formula(level, difference):
    flat = np.full((3, 4, 3), level, np.uint8)
    other = flat.astype(np.int64) + difference

    expected = 20 * np.log10(255 / difference)
    assert metrics.psnr(other, flat, data_range=255) == pytest.approx(expected)


def test_equal_pictures_have_infinite_psnr_and_full_similarity(pair):
    assert metrics.psnr(pair[1], pair[1], data_range=255) == np.inf
    assert metrics.ssim(pair[1], pair[1], data_range=255) == 1
    assert metrics.ssim_y(pair[1], pair[1], data_range=255) == 1
    assert metrics.ssim_volume(pair[1], pair[1], data_range=255) == 1


def test_the_range_is_a_matter_of_scale_alone(pair):
    scaled = [image / 255 for image in pair]

    for metric in METRICS:
        assert metric(*scaled, data_range=1.0) == pytest.approx(metric(*pair, data_range=255))


def test_ssim_equals_scikit_image_inside_the_border(pair):
    x, y = (image.astype(np.float64) for image in pair)
    _, everywhere = structural_similarity(
        x, y, data_range=255, channel_axis=2, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    expected = everywhere[5:-5, 5:-5].mean()

    assert metrics.ssim(*pair, data_range=255) == pytest.approx(expected, abs=1e-9)


def test_ssim_y_is_ssim_of_the_luma_of_bt_601(pair):
    lumas = [16 + (image @ np.array([65.481, 128.553, 24.966]) / 255) for image in pair]
    _, everywhere = structural_similarity(
        *lumas, data_range=255, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip

    expected = everywhere[5:-5, 5:-5].mean()
    assert metrics.ssim_y(*pair, data_range=255) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_the_volume_is_a_convolution_in_three_dimensions(pair):
    x, y = (image[:24, :37].astype(np.float64) for image in pair)
    squares = np.sum(np.square(np.indices((11, 11, 11)) - 5), axis=0)
    window = np.exp(-squares / (2 * 1.5**2))
    window /= window.sum()
    mx, my, xx, yy, xy = (
        ndimage.convolve(volume, window, mode="nearest") for volume in (x, y, x * x, y * y, x * y)
    )
    c1, c2 = 2.55**2, 7.65**2
    above = (2 * mx * my + c1) * (2 * (xy - mx * my) + c2)
    below = (mx**2 + my**2 + c1) * (xx - mx**2 + yy - my**2 + c2)

    expected = np.mean(above / below)
    assert metrics.ssim_volume(x, y, data_range=255) == pytest.approx(expected, abs=1e-9)
    small = (x.astype(np.uint8), y.astype(np.uint8))
    assert metrics.ssim_volume(*small, data_range=255) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_the_volume_is_that_of_scikit_image_on_a_continued_volume(pair):
    x, y = (np.pad(image.astype(np.float64), 5, mode="edge") for image in pair)
    _, everywhere = structural_similarity(
        x, y, data_range=255, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip

    expected = everywhere[5:-5, 5:-5, 5:-5].mean()
    assert metrics.ssim_volume(*pair, data_range=255) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("height", [11, 26, 27, 43])
def test_the_bands_in_which_ssim_is_counted_do_not_show(height):
    x, y = np.random.default_rng(height).random((2, height, 17, 3))
    tall, wide = (
        metrics.ssim(*pictures, data_range=1.0)
        for pictures in ((x, y), (x.transpose(1, 0, 2), y.transpose(1, 0, 2)))
    )

    assert tall == pytest.approx(wide, abs=1e-12)


def test_unlike_shapes_are_refused(pair):
    for metric in METRICS:
        with pytest.raises(ShapeError, match="one shape"):
            metric(pair[0][1:], pair[1], data_range=255)
        with pytest.raises(ShapeError, match="height x width x channels"):
            metric(pair[0][..., 0], pair[1][..., 0], data_range=255)


def test_pictures_smaller_than_the_window_have_no_ssim():
    small = np.zeros((10, 40, 3))

    with pytest.raises(ShapeError, match="at least 11 pixels"):
        metrics.ssim(small, small, data_range=1.0)


def test_luma_is_for_colour_alone(pair):
    grey = [image[..., :1] for image in pair]

    with pytest.raises(ShapeError, match="luma is made of RGB, got 1 channels"):
        metrics.ssim_y(*grey, data_range=255)


def test_flat_pictures_are_compared_by_their_luminance_alone():
    """Wang et al., equation 6: without variance only the first factor is left."""
    black, grey = np.zeros((16, 16, 3)), np.full((16, 16, 3), 0.4)
    c1 = 0.01**2

    assert metrics.ssim(grey, black, data_range=1.0) == pytest.approx(c1 / (0.4**2 + c1))
    assert metrics.psnr(black, black, data_range=1.0) == np.inf
    assert metrics.ssim(black, black, data_range=1.0) == 1


@given(seed=st.integers(0, 10**6), height=st.integers(11, 20), width=st.integers(11, 20))
def test_the_metrics_do_not_mind_the_order_of_their_pictures(seed, height, width):
    x, y = np.random.default_rng(seed).random((2, height, width, 3))

    for metric in METRICS:
        assert metric(x, y, data_range=1.0) == pytest.approx(metric(y, x, data_range=1.0))
    assert -1 <= metrics.ssim(x, y, data_range=1.0) <= 1
