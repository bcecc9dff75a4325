"""Models that enlarge are measured as their field does: on Y, without the border."""

import math
from dataclasses import MISSING, fields

import numpy as np
import pytest
from skimage import color
from skimage.metrics import peak_signal_noise_ratio

from mirnet import metrics
from mirnet.errors import DataError, ShapeError
from mirnet.evaluation import baselines
from mirnet.evaluation.evaluate import evaluate
from mirnet.evaluation.reference.comparison import compare
from mirnet.evaluation.scores import Scores, measure
from mirnet.models.facts import Facts
from mirnet.pictures import codec, enlarging, pixels
from mirnet.restoration.folder import FileResult
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


def pictures(*shape):
    return np.random.default_rng(0).random((2, *shape, 3), np.float32)


def test_psnr_of_y_is_that_of_scikit_images_luma():
    restored, truth = (np.rint(255 * each).astype(np.uint8) for each in pictures(24, 30))

    ours = metrics.psnr_y(restored, truth, data_range=255)

    luma = [color.rgb2ycbcr(each)[..., 0] for each in (truth, restored)]
    assert ours == pytest.approx(peak_signal_noise_ratio(*luma, data_range=255), abs=1e-4)
    assert metrics.psnr_y(truth, truth, data_range=255) == math.inf
    with pytest.raises(ShapeError, match="luma needs RGB"):
        metrics.psnr_y(truth[..., :1], truth[..., :1], data_range=255)


def test_the_border_is_left_out():
    restored, truth = pictures(40, 50)
    spoilt = restored.copy()
    spoilt[:3] = spoilt[-3:] = spoilt[:, :3] = spoilt[:, -3:] = 0

    assert measure(spoilt, truth, shave=3) == measure(restored, truth, shave=3)
    assert measure(spoilt, truth, shave=2) != measure(restored, truth, shave=2)
    with pytest.raises(ShapeError, match="nothing left"):
        measure(restored, truth, shave=20)


@pytest.fixture
def folder(tmp_path, save, picture):
    for name, seed in (("a", 1), ("b", 2)):
        save(tmp_path / "lr" / f"{name}.png", pixels=picture(16, 20, seed=seed))
        save(tmp_path / "hr" / f"{name}.png", pixels=picture(32, 40, seed=seed))
    return tmp_path


def open_echo(model):
    """The first of the bundled models enlarges here, the other does not."""
    return Restorer(EchoRuntime(Facts(scale=2 if model == "denoise" else 1)))


def test_a_model_is_compared_with_filters_on_pairs_of_its_scale(folder, load):
    found = evaluate([folder], ["denoise"], open_echo, baselines=["bicubic", "lanczos"])

    first = found.results[0]
    noisy, clean = (pixels.to_float(load(folder / half / "a.png")) for half in ("lr", "hr"))
    assert (first.height, first.width) == (16, 20)
    repeats = first.outcomes["denoise"].scores  # as is shown of the input
    required = [f.name for f in fields(Scores) if f.default is MISSING]
    for name in required:
        assert getattr(repeats, name) == pytest.approx(getattr(first.input, name), abs=1e-4)
    for kernel in ("bicubic", "lanczos"):
        expected = measure(np.clip(enlarging.enlarge(noisy, 2, kernel), 0, 1), clean, shave=2)
        assert first.outcomes[kernel].scores == expected
    whole = evaluate([folder], ["denoise"], open_echo, shave=0)
    assert whole.results[0].input == measure(noisy.repeat(2, 0).repeat(2, 1), clean)


def test_what_enlarges_differently_is_not_compared(folder):
    with pytest.raises(DataError, match="denoise enlarges 2 times and denoise-print 1 times"):
        evaluate([folder], ["denoise", "denoise-print"], open_echo)
    with pytest.raises(DataError, match="nlm 1 times"):
        evaluate([folder], ["denoise"], open_echo, baselines=["nlm"])
    with pytest.raises(DataError, match="bicubic enlarges: measure a model that enlarges"):
        baselines.open_all(["bicubic"])


def test_a_reference_is_compared_with_the_input_as_a_filter_enlarges_it(folder):
    small, large = folder / "lr" / "a.png", folder / "hr" / "a.png"

    comparison = compare(FileResult(small, large, "restored", scale=2), large)

    enlarged = enlarging.enlarged(codec.open(small), 2)
    truth = codec.read(large)
    expected = metrics.psnr(codec.whole(enlarged), truth, data_range=255)
    assert comparison.error == ""
    assert comparison.restored.psnr == math.inf
    assert comparison.input.psnr == pytest.approx(expected, abs=1e-6)
