"""Pictures that are drawn: always the same, and like photographs in what matters for denoising."""

import numpy as np
import pytest
from skimage.restoration import denoise_tv_chambolle

from mirnet import metrics
from mirnet.chain import samples
from mirnet.data import sidd
from mirnet.image import codec


def test_a_picture_depends_on_its_number_and_size_alone():
    first = samples.clean(3, 64, 80)
    samples.clean(4, 64, 80)

    assert (first.shape, first.dtype) == ((64, 80, 3), np.uint8)
    np.testing.assert_array_equal(samples.clean(3, 64, 80), first)


def test_pictures_of_other_numbers_are_others():
    pictures = [samples.clean(number, 32, 32).tobytes() for number in range(5)]

    assert len(set(pictures)) == 5


def test_noise_depends_on_the_seed_alone():
    scene = samples.clean(1, 32, 48)
    noisy, clean = samples.photograph(scene, 5)
    again, _ = samples.photograph(scene, 5)
    other, _ = samples.photograph(scene, 6)

    assert noisy.shape == clean.shape == scene.shape
    np.testing.assert_array_equal(noisy, again)
    assert (noisy != other).any()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_picture_has_the_spectrum_of_photographs(number):
    """Their power falls with about the square of the frequency (Field 1987); that of noise not."""
    grey = samples.clean(number, 256, 256).mean(2)
    window = np.hanning(256)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * np.outer(window, window))) ** 2
    down, across = np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256))
    frequency = np.hypot(down, across)
    bands = np.geomspace(0.02, 0.4, 12)
    which = np.digitize(frequency, bands)
    means = [power[which == band].mean() for band in range(1, 12)]
    slope, _ = np.polyfit(np.log(bands[1:]), np.log(means), 1)

    assert -3.5 < slope < -1.5


def test_the_noise_can_be_taken_away_by_a_method_that_knows_nothing_of_it():
    gains = []
    for number in range(1, 13):
        noisy, clean = samples.photograph(samples.clean(number, 96, 128), number)
        restored = denoise_tv_chambolle(noisy, weight=0.2, channel_axis=2) * 255
        before, after = (
            metrics.psnr(np.rint(image).astype(np.uint8), clean, data_range=255)
            for image in (noisy, restored)
        )
        gains.append(after - before)

    assert np.mean(gains) > 1


def test_pairs_lie_as_those_of_sidd_do(tmp_path):
    samples.sidd(tmp_path, range(7, 9), 40, 56)

    pairs = sidd.find(tmp_path)
    assert list(pairs) == [f"{number:04}_001_S6_00100_00060_3200_L_010" for number in (7, 8)]
    for number, pair in zip((7, 8), pairs.values(), strict=True):
        expected = samples.photograph(samples.clean(number, 40, 56), number)
        for path, pixels in zip((pair.noisy, pair.clean), expected, strict=True):
            np.testing.assert_array_equal(codec.read(path), pixels)
