"""PSNR and SSIM against scikit-image and against their formulas; noise against noise that is known.

The estimate of noise is against PyWavelets too.
"""

import numpy as np
import pytest
import pywt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.restoration import estimate_sigma

from mirnet import metrics
from mirnet.errors import ShapeError

METRICS = (
    metrics.psnr,
    metrics.ssim,
    metrics.ssim_y,
    metrics.ssim_volume,
    metrics.ssim_uniform,
    metrics.mae,
)


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


def test_ssim_of_uniform_windows_is_that_of_scikit_image(pair):
    expected = structural_similarity(*pair, data_range=255, channel_axis=-1)

    assert metrics.ssim_uniform(*pair, data_range=255) == pytest.approx(expected, abs=1e-9)
    assert metrics.ssim_uniform(*pair, data_range=255) != pytest.approx(
        metrics.ssim(*pair, data_range=255), abs=1e-3
    )
    small = np.zeros((6, 40, 3))
    with pytest.raises(ShapeError, match="at least 7 pixels"):
        metrics.ssim_uniform(small, small, data_range=1.0)


def test_the_absolute_error_is_a_mean_of_the_range(pair):
    x, y = (image.astype(float) for image in pair)

    assert metrics.mae(*pair, data_range=255) == pytest.approx(abs(x - y).mean() / 255)
    assert metrics.mae(pair[1], pair[1], data_range=255) == 0


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
        with pytest.raises(ShapeError, match="the same shape"):
            metric(pair[0][1:], pair[1], data_range=255)
        with pytest.raises(ShapeError, match="height x width x channels"):
            metric(pair[0][..., 0], pair[1][..., 0], data_range=255)


def test_pictures_smaller_than_the_window_have_no_ssim():
    small = np.zeros((10, 40, 3))

    with pytest.raises(ShapeError, match="at least 11 pixels"):
        metrics.ssim(small, small, data_range=1.0)


def test_luma_is_for_colour_alone(pair):
    grey = [image[..., :1] for image in pair]

    with pytest.raises(ShapeError, match="luma needs RGB, got 1 channels"):
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


def white_noise(sigma, height=192, width=256, seed=0):
    """Independent in every pixel and channel, around the middle of 8 bits, not rounded."""
    return np.random.default_rng(seed).normal(128, sigma, (height, width, 3))


@settings(max_examples=30)
@given(sigma=st.floats(2, 40), seed=st.integers(0, 10**6))
def test_white_noise_is_as_strong_as_it_is(sigma, seed):
    picture = white_noise(sigma, seed=seed)

    assert metrics.noise_level(picture, data_range=255) == pytest.approx(sigma, rel=0.05)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("sigma", [3, 10, 40])
def test_white_noise_in_integers_is_as_strong_as_in_floats(dtype, sigma):
    white = np.iinfo(dtype).max
    exact = white_noise(sigma) / 255 * white
    picture = np.clip(np.rint(exact), 0, white).astype(dtype)

    level = metrics.noise_level(picture, data_range=white)

    assert level * 255 / white == pytest.approx(sigma, rel=0.05)


@given(seed=st.integers(0, 10**6), white=st.floats(0.1, 10**5))
def test_the_noise_is_a_matter_of_scale_alone(seed, white):
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (24, 40, 3), dtype=np.uint8)  # black and white are among them

    level = metrics.noise_level(picture, data_range=255)

    # multiplied by white, 255 / 255 stays white exactly
    scaled = metrics.noise_level(picture / 255 * white, data_range=white)
    assert scaled == pytest.approx(level / 255 * white, rel=1e-9)


@pytest.mark.parametrize("kernel", [(1, 1), (1, 2, 1), (1, 1, 1)])
@pytest.mark.parametrize("sigma", [10, 40])
def test_noise_that_spans_pixels_is_found_where_the_finest_octave_shows_little_of_it(kernel, sigma):
    weights = np.array(kernel) / sum(kernel)
    noise = white_noise(sigma) - 128
    for axis in (0, 1):
        noise = ndimage.convolve1d(noise, weights, axis=axis, mode="wrap")
    picture, true = 128 + noise, noise.std()

    assert metrics.noise_level(picture, data_range=255) == pytest.approx(true, rel=0.2)
    usual = estimate_sigma(picture, average_sigmas=True, channel_axis=2)
    assert usual < 0.6 * true


def by_pywavelets(picture, white):
    """The noise over three octaves of Haar by the library, of blocks that are nowhere clipped."""
    levels = []
    for plane in np.moveaxis(picture.astype(np.float64), 2, 0):
        rest, power = plane, 0.0
        usable = (plane != 0) & (plane != white)
        for octave in (1, 2, 3):
            height, width = (length // 2 for length in rest.shape)
            bands = pywt.dwtn(rest[: 2 * height, : 2 * width], "haar")
            rest = bands.pop("aa")
            blocks = usable[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
            usable = blocks.all(axis=(1, 3))
            octave_power = 0.0
            if usable.any():
                medians = [np.median(np.abs(band[usable])) for band in bands.values()]
                # the library keeps energy: an octave's coefficients are twice those before
                octave_power = sum((m / 0.6744897501960817 / 2**octave) ** 2 for m in medians)
            power += octave_power
        levels.append(np.sqrt(power + octave_power / 3))
    return np.mean(levels)


@pytest.mark.parametrize(("top", "left", "height", "width"), [(0, 0, 96, 64), (40, 80, 61, 107)])
@pytest.mark.parametrize("limits", [(1, 254), (0, 255)])
def test_the_noise_of_a_photograph_is_that_computed_with_pywavelets(
    top, left, height, width, limits
):
    photograph = data.astronaut()[top : top + height, left : left + width]
    picture = np.clip(photograph * 1.2 - 20, *limits)

    expected = by_pywavelets(picture, 255)
    assert expected > 0.5
    assert metrics.noise_level(picture, data_range=255) == pytest.approx(expected, abs=1e-9)


@given(
    height=st.integers(8, 40),
    width=st.integers(8, 40),
    clipped=st.sampled_from([0, 0.01, 0.1, 0.5, 1]),
    seed=st.integers(0, 10**6),
)
def test_the_noise_of_any_picture_is_that_computed_with_pywavelets(height, width, clipped, seed):
    rng = np.random.default_rng(seed)
    picture = rng.uniform(0.01, 0.99, (height, width, 3))
    picture[rng.random(picture.shape) < clipped / 2] = 0
    picture[rng.random(picture.shape) < clipped / 2] = 1

    expected = by_pywavelets(picture, 1)
    assert metrics.noise_level(picture, data_range=1.0) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("level", [0, 255])
def test_clipped_parts_are_left_out(level):
    noisy = np.clip(white_noise(20), 1, 254)
    clipped = np.full_like(noisy, level)

    expected = metrics.noise_level(noisy, data_range=255)
    for halves in ([noisy, clipped], [clipped, clipped, clipped, noisy]):
        for axis in (0, 1):
            picture = np.concatenate(halves, axis)
            assert metrics.noise_level(picture, data_range=255) == expected
    # one grey level beside it counts, and then most of the picture has no noise
    grey = np.full_like(noisy, abs(level - 1))
    picture = np.concatenate([noisy, grey, grey, grey])
    assert metrics.noise_level(picture, data_range=255) == 0


def test_noise_beside_a_clipped_part_that_cuts_through_blocks_is_found_too():
    picture = white_noise(20, 201, 203)
    picture[:, :101] = 0

    assert metrics.noise_level(picture, data_range=255) == pytest.approx(20, rel=0.05)


@pytest.mark.parametrize("level", [0.0, 0.25, 0.7, 1.0])
@pytest.mark.parametrize("size", [(2, 2), (3, 5), (33, 18)])
def test_flat_pictures_have_no_noise(level, size):
    picture = np.full((*size, 3), level)

    assert metrics.noise_level(picture, data_range=1.0) == 0


def test_the_noise_of_a_picture_is_the_mean_of_its_channels():
    picture = 128 + (white_noise(10) - 128) * [1.0, 2.0, 0.0]

    channels = [metrics.noise_level(picture[..., k : k + 1], data_range=255) for k in range(3)]

    assert channels == pytest.approx([10, 20, 0], rel=0.05)
    assert metrics.noise_level(picture, data_range=255) == pytest.approx(np.mean(channels))


def test_the_estimate_of_noise_leaves_the_picture_as_it_is(pair):
    before = pair[0].copy()
    before.setflags(write=False)

    metrics.noise_level(before, data_range=255)

    np.testing.assert_array_equal(before, pair[0])


@pytest.mark.parametrize("shape", [(1, 8, 3), (8, 1, 3), (0, 8, 3), (8, 8), (1, 8, 8, 3)])
def test_the_noise_of_less_than_four_pixels_or_of_no_picture_is_refused(shape):
    with pytest.raises(ShapeError, match="noise is estimated from 2x2 pixels or more, got"):
        metrics.noise_level(np.zeros(shape), data_range=1.0)
