"""Baselines do what their libraries do, in colour, at the strength that was asked for."""

import cv2
import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from mirnet import metrics
from mirnet.errors import DataError, InferenceError, RuntimeMissingError
from mirnet.evaluation import baselines
from mirnet.evaluation.method import INPUT, Method


@pytest.fixture(scope="module")
def bm3d():
    return pytest.importorskip("bm3d", reason="BM3D, for research alone, is not installed")


@pytest.fixture(scope="module")
def crop():
    """A function that gives a square of the astronaut: the truth, and it with white noise."""

    def make(side, sigma):
        truth = data.astronaut()[60 : 60 + side, 180 : 180 + side] / 255
        noise = np.random.default_rng(0).normal(0, sigma / 255, truth.shape)
        noisy = np.clip(truth + noise, 0, 1)
        return truth.astype(np.float32), noisy.astype(np.float32)

    return make


def by_opencv(noisy, strength):
    """OpenCV's own call on 8 bits of B, G and R, 0..1 again in R, G and B."""
    bgr = np.ascontiguousarray(np.rint(noisy * 255).astype(np.uint8)[..., ::-1])
    denoised = cv2.fastNlMeansDenoisingColored(
        bgr, h=strength, hColor=strength, templateWindowSize=7, searchWindowSize=21
    )
    return denoised[..., ::-1] / 255


def psnr(picture, truth):
    return peak_signal_noise_ratio(truth, picture, data_range=1.0)


@pytest.mark.parametrize(
    ("text", "strength"),
    [("nlm", None), ("nlm:25", 25.0), ("nlm:2.5", 2.5), ("nlm:255", 255.0), ("nlm:1e1", 10.0)],
)
def test_a_name_may_be_followed_by_a_strength(text, strength):
    baseline = baselines.open(text)

    assert isinstance(baseline, Method)
    assert (baseline.name, baseline.strength) == (text, strength)
    assert baseline.facts == {
        "kind": "baseline",
        "model": "non-local means",
        "parameters": 0,
        "runtime": "opencv-python-headless",
        "strength": strength or "estimated",
    }


@pytest.mark.usefixtures("bm3d")
def test_baselines_come_in_the_order_they_were_asked_for():
    opened = baselines.open_all(["nlm:25", "bm3d", "nlm", "bm3d:5"])

    assert [each.name for each in opened] == ["nlm:25", "bm3d", "nlm", "bm3d:5"]
    assert [each.facts["model"] for each in opened] == ["non-local means", "BM3D"] * 2
    assert opened[1].facts["runtime"] == "bm3d"


def test_the_input_is_no_baseline_of_its_own():
    assert baselines.open_all([INPUT]) == baselines.open_all([]) == []
    assert [each.name for each in baselines.open_all(["nlm", INPUT])] == ["nlm"]


@pytest.mark.parametrize("text", ["nlm2", "", "NLM", ":25", "denoise", "cv2", " nlm"])
def test_unknown_names_are_refused_with_the_known_ones(text):
    with pytest.raises(DataError) as caught:
        baselines.open(text)

    name = text.partition(":")[0]
    assert str(caught.value) == f"no baseline {name!r}: choose input, nlm, bm3d, bicubic, lanczos"


@pytest.mark.parametrize(
    "number", ["0", "-0", "-25", "x", "nan", "inf", "-inf", "255.1", "", " ", "25:3", "25,3"]
)
def test_strengths_that_are_no_noise_are_refused(number):
    with pytest.raises(DataError) as caught:
        baselines.open(f"nlm:{number}")

    expected = f"nlm:{number}: after the colon comes the noise in levels of 255, such as 25"
    assert str(caught.value) == expected


@pytest.mark.parametrize("text", ["nlm", "nlm:25", INPUT])
def test_a_baseline_that_is_given_twice_is_refused(text):
    with pytest.raises(DataError, match=f"^the baseline {text} is given twice$"):
        baselines.open_all([text, "nlm:3", text])


OPENING = """
import sys
from mirnet.errors import MirnetError
from mirnet.evaluation import baselines

for text in sys.argv[1:]:
    try:
        print(baselines.open_all([text]))
    except MirnetError as error:
        print(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize(
    ("module", "texts", "message"),
    [
        ("cv2", ["nlm", "nlm:25"], 'nlm needs opencv-python-headless: pip install "mirnet[evaluat'),
        ("bm3d", ["bm3d", "bm3d:25"], 'bm3d needs bm3d: pip install "bm3d"'),
    ],
)
def test_a_missing_package_is_named_when_it_is_wanted_alone(python, module, texts, message):
    done = python(OPENING, INPUT, "gone", *texts, without=[module])

    assert (done.returncode, done.stderr) == (0, "")
    first, unknown, *missing = done.stdout.splitlines()
    assert first == "[]"
    assert unknown.startswith("DataError: no baseline 'gone'")
    assert len(missing) == 2
    for line in missing:
        assert line.startswith(f"{RuntimeMissingError.__name__}: the baseline {message}")


@pytest.mark.parametrize("sigma", [5, 25])
def test_nlm_is_that_of_opencv_at_the_level_of_the_noise(crop, sigma):
    _, noisy = crop(96, sigma)

    restored = baselines.open("nlm")(noisy)

    expected = by_opencv(noisy, 255 * metrics.noise_level(noisy, data_range=1.0))
    np.testing.assert_allclose(restored.image, expected, atol=1e-7)
    assert restored.image.dtype == np.float32
    assert restored.tiles is restored.tiles_kept is None


def test_nlm_of_a_strength_is_that_of_opencv_whatever_the_noise(crop):
    _, noisy = crop(96, 10)

    weak, strong = (baselines.open(f"nlm:{h}")(noisy).image for h in (3, 25))

    np.testing.assert_allclose(weak, by_opencv(noisy, 3), atol=1e-7)
    np.testing.assert_allclose(strong, by_opencv(noisy, 25), atol=1e-7)
    assert np.abs(weak - strong).max() > 0.05


@pytest.mark.parametrize(("sigma", "gain"), [(10, 0.2), (25, 2), (40, 3)])
def test_nlm_comes_closer_to_the_truth(crop, sigma, gain):
    truth, noisy = crop(160, sigma)

    restored = baselines.open("nlm")(noisy).image

    assert psnr(restored, truth) > psnr(noisy, truth) + gain


def test_bm3d_is_that_of_its_authors_and_comes_closer_to_the_truth(crop, bm3d):
    truth, noisy = crop(64, 25)

    restored = baselines.open("bm3d")(noisy)

    sigma = metrics.noise_level(noisy, data_range=1.0)
    expected = np.clip(bm3d.bm3d_rgb(noisy.astype(np.float64), sigma), 0, 1)
    # Its threads add up in any order, and where a coefficient lies at the threshold a pixel then
    # differs by 1.5e-4 from run to run: a quarter of a level of 255 is nearer than any mistake.
    np.testing.assert_allclose(restored.image, expected, atol=1e-3, rtol=0)
    assert restored.image.dtype == np.float32
    assert restored.tiles is restored.tiles_kept is None
    assert psnr(restored.image, truth) > psnr(noisy, truth) + 3


@pytest.mark.usefixtures("bm3d")
def test_bm3d_of_a_strength_is_told_levels_of_255():
    """Told that there is next to no noise it changes next to nothing, told what there is, much."""
    noise = np.random.default_rng(0).normal(0, 20 / 255, (24, 24, 3))
    noisy = (0.5 + noise).astype(np.float32)

    weak, right = (baselines.open(f"bm3d:{sigma}")(noisy).image for sigma in (0.2, 20))

    assert np.abs(weak - noisy).max() < 1 / 255
    assert np.abs(right - 0.5).mean() < 0.3 * np.abs(noisy - 0.5).mean()


def test_of_a_grey_picture_bm3d_is_that_of_its_authors_for_grey(crop, bm3d):
    """The one for colour divides by the range of the colours, of which there is none."""
    truth, noisy = (image[..., :1].repeat(3, 2) for image in crop(32, 25))

    restored = baselines.open("bm3d:25")(noisy).image

    expected = bm3d.bm3d(noisy[..., 0].astype(np.float64), 25 / 255)
    for channel in range(3):
        np.testing.assert_allclose(restored[..., channel], np.clip(expected, 0, 1), atol=1e-5)
    assert psnr(restored, truth) > psnr(noisy, truth) + 3


@pytest.mark.usefixtures("bm3d")
@pytest.mark.filterwarnings("ignore:(invalid value|divide by zero):RuntimeWarning")
def test_what_bm3d_makes_no_picture_of_is_an_error_and_no_picture():
    flat = np.full((16, 16, 3), (0.8, 0.1, 0.1), np.float32)

    with pytest.raises(InferenceError, match="BM3D cannot restore it: a colour or the lum"):
        baselines.open("bm3d:25")(flat)


@pytest.mark.parametrize("name", ["nlm", "bm3d"])
def test_a_picture_without_noise_comes_back_as_it_is(name, request):
    if name == "bm3d":
        request.getfixturevalue("bm3d")
    blocks = np.random.default_rng(0).random((4, 5, 3), dtype=np.float32)
    picture = np.kron(blocks, np.ones((16, 16, 1), np.float32))

    restored = baselines.open(name)(picture)

    # to the last bit, which neither 8 bits nor a transform there and back would keep
    np.testing.assert_array_equal(restored.image, picture)


@pytest.mark.parametrize("name", ["nlm", "nlm:25", "bm3d"])
@pytest.mark.parametrize("colour", [(0.8, 0.1, 0.1), (0.1, 0.2, 0.9)])
def test_red_stays_red_and_blue_blue(name, colour, request):
    if name == "bm3d":
        request.getfixturevalue("bm3d")
    noise = np.random.default_rng(0).normal(0, 3 / 255, (24, 32, 3))
    picture = (np.array(colour) + noise).astype(np.float32)

    restored = baselines.open(name)(picture).image

    # 8 bits of Lab are coarse
    np.testing.assert_allclose(restored.mean((0, 1)), colour, atol=2.5 / 255)


@pytest.mark.parametrize("name", ["nlm", "bm3d"])
@pytest.mark.parametrize("size", [(11, 11), (12, 45)])
def test_pictures_smaller_than_the_windows_are_denoised_too(name, size, request):
    if name == "bm3d":
        request.getfixturevalue("bm3d")
    noise = np.random.default_rng(0).normal(0, 20 / 255, (*size, 3))
    noisy = (0.5 + noise).astype(np.float32)
    before = noisy.copy()

    restored = baselines.open(name)(noisy).image

    assert restored.shape == noisy.shape
    assert np.abs(restored - 0.5).mean() < 0.5 * np.abs(noisy - 0.5).mean()
    np.testing.assert_array_equal(noisy, before)
