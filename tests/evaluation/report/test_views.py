"""What the page shows of a pair is what was measured, at its own pixels."""

from base64 import b64decode

import numpy as np
import pytest
import pyvips

from mirnet.evaluation.report import views
from mirnet.evaluation.run import Pictures


def decoded(url):
    head, _, code = url.partition(",")
    assert head == "data:image/jpeg;base64"
    return pyvips.Image.new_from_buffer(b64decode(code), "").numpy()


def smooth(height, width):
    """A gradient that JPEG keeps."""
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    return np.stack([rows, columns, 1 - rows], axis=2).astype(np.float32)


def test_pictures_are_shown_as_they_are():
    truth = smooth(40, 60)
    noisy, restored = truth * np.float32(0.5), truth * np.float32(0.9)

    made = views.make(Pictures(noisy, truth, {"denoise": restored}))

    assert (made.height, made.width) == (40, 60)
    assert list(made.pictures) == ["input", "denoise", "truth"]
    for name, expected in (("input", noisy), ("denoise", restored), ("truth", truth)):
        difference = decoded(made.pictures[name]) - 255 * expected
        assert np.abs(difference).mean() < 1.5


def test_errors_are_shown_ten_times_enlarged():
    truth = smooth(32, 32)
    restored = np.clip(truth + np.float32(0.02), 0, 1)
    burnt = truth > 0.97

    made = views.make(Pictures(truth, truth, {"denoise": restored}))

    assert list(made.errors) == ["input", "denoise"]
    assert decoded(made.errors["input"]).max() <= 1
    assert decoded(made.errors["denoise"])[~burnt].mean() == pytest.approx(51, abs=3)


def test_of_large_pictures_the_middle_is_shown_at_its_own_pixels():
    truth = np.zeros((700, 600, 3), np.float32)
    truth[94:606, 44:556] = 1

    made = views.make(Pictures(truth, truth, {}))

    assert (made.height, made.width) == (512, 512)
    assert decoded(made.pictures["truth"]).min() >= 254


def test_colour_noise_survives():
    """JPEGs usually store colours at half the resolution, which would halve the noise in them."""
    rng = np.random.default_rng(0)
    noisy = np.clip(0.5 + rng.normal(0, 0.1, (64, 64, 3)), 0, 1).astype(np.float32)

    shown = decoded(views.make(Pictures(noisy, noisy, {})).pictures["input"])

    colour = (shown[..., 0] - shown[..., 2].astype(float)).std()
    assert colour == pytest.approx((255 * (noisy[..., 0] - noisy[..., 2])).std(), rel=0.05)
