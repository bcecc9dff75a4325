"""Each score is the metric that its protocol says; means hold no infinity unless all are."""

import math
from dataclasses import astuple, fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

from mirnet import metrics
from mirnet.errors import ShapeError
from mirnet.evaluation.scores import PROTOCOLS, Means, Scores, measure

VALUES = st.floats(0, 60)


def test_every_score_has_a_protocol():
    assert list(PROTOCOLS) == [field.name for field in fields(Scores)]


def test_psnr_is_measured_on_floats_and_on_8_bits():
    rng = np.random.default_rng(0)
    truth = np.rint(rng.random((20, 30, 3)) * 255).astype(np.float32) / np.float32(255)
    picture = np.clip(truth + rng.normal(0, 0.003, truth.shape), 0, 1).astype(np.float32)
    rounded = np.rint(picture * 255).astype(np.uint8), np.rint(truth * 255).astype(np.uint8)

    scores = measure(picture, truth)

    expected = peak_signal_noise_ratio(truth.astype(float), picture.astype(float), data_range=1)
    assert scores.psnr == pytest.approx(expected, abs=1e-6)
    expected = peak_signal_noise_ratio(rounded[1], rounded[0], data_range=255)
    assert scores.psnr_8bit == pytest.approx(expected, abs=1e-9)
    assert scores.psnr != pytest.approx(scores.psnr_8bit, abs=0.01)
    for name in ("ssim", "ssim_y", "ssim_volume"):
        metric = getattr(metrics, name)
        assert getattr(scores, name) == metric(picture, truth, data_range=1.0)
    assert scores.noise == 255 * metrics.noise_level(picture, data_range=1.0)
    assert scores.lpips is scores.ssim_uniform is scores.mae is None


def test_what_papers_on_two_views_report_is_measured_where_it_is_asked_for():
    picture, truth = np.random.default_rng(0).random((2, 20, 30, 3), dtype=np.float32)

    scores = measure(picture, truth, is_dual=True)

    for name in ("ssim_uniform", "mae"):
        assert getattr(scores, name) == getattr(metrics, name)(picture, truth, data_range=1.0)
    assert replace(scores, ssim_uniform=None, mae=None) == measure(picture, truth)


def test_the_noise_is_that_of_the_picture_in_levels_of_8_bits_whatever_the_truth():
    rng = np.random.default_rng(0)
    flat = np.full((128, 128, 3), 0.5, np.float32)
    noisy = (flat + rng.normal(0, 10 / 255, flat.shape)).astype(np.float32)

    assert measure(noisy, flat).noise == pytest.approx(10, rel=0.05)
    assert measure(noisy, noisy).noise == measure(noisy, flat).noise
    assert measure(flat, noisy).noise == 0


def test_a_distance_is_asked_of_the_picture_and_the_truth_in_this_order():
    rng = np.random.default_rng(0)
    picture, truth = rng.random((2, 16, 16, 3), dtype=np.float32)

    def distance(first, second):
        return float(first.mean() - 2.0 * second.mean())

    scores = measure(picture, truth, lpips=distance)

    assert scores.lpips == distance(picture, truth) != distance(truth, picture)


def test_pictures_that_differ_by_less_than_rounding_are_equal_in_8_bits_alone():
    truth = np.full((16, 16, 3), 51 / 255, np.float32)

    scores = measure(truth + np.float32(1e-3), truth)

    assert scores.psnr == pytest.approx(60, abs=0.01)
    assert scores.psnr_8bit == math.inf


def test_pictures_too_small_for_ssim_are_refused():
    small = np.zeros((10, 16, 3), np.float32)

    with pytest.raises(ShapeError, match="at least 11 pixels"):
        measure(small, small)


@given(st.lists(st.tuples(*[VALUES] * len(PROTOCOLS)), min_size=1, max_size=8))
def test_means_are_means(rows):
    means = Means()
    for row in rows:
        means.add(Scores(*row))

    assert astuple(means.scores) == pytest.approx(tuple(np.mean(rows, axis=0)))
    assert means.count == len(rows)
    assert not any(means.infinite.values())


def test_an_infinite_psnr_is_left_out_and_counted():
    means = Means()
    for psnr in (30.0, math.inf, 40.0):
        means.add(Scores(psnr, math.inf, 30.0, 0.5, 0.5, 0.5, 2.0))

    assert means.scores == Scores(35.0, math.inf, 30.0, 0.5, 0.5, 0.5, 2.0)
    assert means.infinite == dict.fromkeys(PROTOCOLS, 0) | {"psnr": 1, "psnr_8bit": 3}


def test_what_was_not_asked_for_has_no_mean():
    means = Means()
    for noise in (1.0, 3.0):
        means.add(Scores(30.0, 30.0, 30.0, 0.5, 0.5, 0.5, noise, lpips=None))

    assert means.scores == Scores(30.0, 30.0, 30.0, 0.5, 0.5, 0.5, 2.0, lpips=None)


def test_without_pictures_there_are_no_means():
    assert Means().scores is None


def test_light_is_matched_where_it_is_asked_for():
    rng = np.random.default_rng(0)
    truth = rng.random((40, 50, 3), np.float32) * 0.6
    darker = truth * np.float32(0.5)

    scores = measure(darker, truth, match_light=True)

    # a result that is only too dark is the truth once its light is matched
    assert scores.psnr_matched > 100 > scores.psnr
    assert scores.ssim_matched == pytest.approx(1, abs=1e-6)
    assert scores.psnr == measure(darker, truth).psnr
    assert measure(darker, truth).psnr_matched is measure(darker, truth).ssim_matched is None
    black = measure(np.zeros_like(truth), truth, match_light=True)
    assert black.psnr_matched == black.psnr


def test_grey_is_that_of_other_programs():
    rng = np.random.default_rng(1)
    truth, result = (rng.random((20, 30, 3), np.float32) for _ in range(2))
    grey = lambda image: (image @ np.float32([0.299, 0.587, 0.114])).mean()  # noqa: E731

    matched = metrics.match_light(result, truth)

    expected = np.clip(result * (grey(truth) / grey(result)), 0, 1)
    np.testing.assert_allclose(matched, expected, atol=1e-6)
