"""Files are compared as they read back; streaming them changes no figure."""

import math
import tracemalloc
from dataclasses import astuple, fields

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mirnet import metrics
from mirnet.errors import DataError, ImageError
from mirnet.evaluation.reference.comparison import (
    BAND,
    PROTOCOLS,
    Comparison,
    Mean,
    PairFigures,
    compare,
    mean,
    measure,
)
from mirnet.pictures import codec, pixels
from mirnet.restoration.folder import FileResult

DTYPES = (np.uint8, np.uint16, np.float32)


def opened(array):
    """A picture that was just opened, without a file."""
    return codec.open(array)


def of_files(path, reference):
    return measure(codec.open(path), codec.open(reference))


def by_scikit_image(picture, truth):
    """PSNR, and SSIM where the window fits, of pictures in 0..1."""
    _, everywhere = structural_similarity(
        picture, truth, data_range=1.0, channel_axis=2, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    psnr = peak_signal_noise_ratio(truth, picture, data_range=1.0)
    return psnr, everywhere[5:-5, 5:-5].mean()


@given(
    height=st.integers(11, 3 * BAND + 1),
    width=st.integers(11, 40),
    channels=st.sampled_from([1, 3]),
    dtypes=st.tuples(st.sampled_from(DTYPES), st.sampled_from(DTYPES)),
)
def test_bands_give_the_figures_of_the_whole_picture(picture, height, width, channels, dtypes):
    arrays = [
        picture(height, width, channels, dtype, seed=seed) for seed, dtype in enumerate(dtypes)
    ]
    floats = [pixels.to_float(array) for array in arrays]

    figures = measure(*map(opened, arrays))

    assert figures.psnr == pytest.approx(metrics.psnr(*floats, data_range=1.0), abs=1e-9)
    assert figures.ssim == pytest.approx(metrics.ssim(*floats, data_range=1.0), abs=1e-9)


def test_memory_does_not_grow_with_the_height(picture):
    peaks = []
    for height in (4 * BAND, 100 * BAND):
        # one row of memory, however high
        arrays = [np.broadcast_to(picture(1, 64, seed=seed), (height, 64, 3)) for seed in (0, 1)]
        tracemalloc.start()
        measure(*map(opened, arrays))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_figures_are_those_of_scikit_image_on_the_decoded_files(
    tmp_path, save, load, picture, suffix
):
    path = save(tmp_path / f"a.{suffix}", pixels=picture(100, 70))
    truth = save(tmp_path / "truth.png", pixels=picture(100, 70, dtype=np.uint16, seed=1))

    expected = by_scikit_image(load(path) / 255, load(truth) / 65535)

    assert load(truth).dtype == np.uint16
    figures = of_files(path, truth)
    # float32 in the place of float64 moves the last digits
    assert (figures.psnr, figures.ssim) == pytest.approx(expected, abs=1e-4)


def test_the_depth_of_a_file_makes_no_difference_by_itself(tmp_path, save, picture):
    array = picture(30, 40)
    paths = [
        save(tmp_path / "8.png", pixels=array),
        save(tmp_path / "16.png", pixels=array.astype(np.uint16) * 257),
        save(tmp_path / "float.tif", pixels=array.astype(np.float32) / np.float32(255)),
    ]
    for path in paths[1:]:
        assert of_files(paths[0], path).psnr == math.inf


def test_alpha_is_left_out(tmp_path, save, picture):
    colour = picture(30, 40)
    alpha = np.random.default_rng(0).integers(0, 255, (30, 40, 1), dtype=np.uint8)
    plain = save(tmp_path / "plain.png", pixels=colour)
    clear = save(tmp_path / "clear.png", pixels=np.concatenate([colour, alpha], axis=2))

    assert codec.open(clear).has_alpha
    assert of_files(clear, plain).psnr == of_files(plain, clear).psnr == math.inf


def test_a_reference_that_lies_on_its_side_is_put_upright(tmp_path, save, picture):
    array = picture(30, 40)
    upright = save(tmp_path / "upright.tif", pixels=array)
    side = pyvips.Image.new_from_array(np.ascontiguousarray(np.rot90(array))).copy()
    side.set_type(pyvips.GValue.gint_type, "orientation", 6)
    side.write_to_file(str(tmp_path / "side.tif"))

    assert pyvips.Image.new_from_file(str(tmp_path / "side.tif")).width == 30
    assert of_files(upright, tmp_path / "side.tif").psnr == math.inf


def test_values_beyond_the_range_are_clipped_and_no_number_is_black():
    wild = np.full((16, 16, 3), 0.5, np.float32)
    wild[0, 0], wild[1, 1], wild[2, 2], wild[3, 3] = 7, -7, np.inf, np.nan
    tame = np.full((16, 16, 3), 0.5, np.float32)
    tame[0, 0], tame[1, 1], tame[2, 2], tame[3, 3] = 1, 0, 1, 0

    assert measure(opened(wild), opened(tame)).psnr == math.inf
    assert np.isnan(wild[3, 3]).all()


def test_a_result_in_a_format_without_grey_is_compared_in_rgb(picture):
    grey, colour = picture(20, 30, 1), picture(20, 30, 3, seed=1)
    repeated = np.repeat(grey, 3, axis=2)

    assert measure(opened(colour), opened(grey)) == measure(opened(colour), opened(repeated))


def test_pictures_of_two_sizes_are_refused(tmp_path, save):
    paths = save(tmp_path / "a.png", 40, 56), save(tmp_path / "b.png", 41, 56)

    with pytest.raises(DataError, match=r"a\.png has 56x40 pixels, its reference .*b\.png 56x41"):
        of_files(*paths)


def test_a_file_that_ends_too_soon_is_found_out(tmp_path, save):
    whole = save(tmp_path / "a.png", 150, 150)
    (tmp_path / "b.png").write_bytes(whole.read_bytes()[:-5000])

    with pytest.raises(ImageError, match=r"b\.png cannot be read"):
        of_files(whole, tmp_path / "b.png")


# compare


@pytest.fixture
def files(tmp_path, save, picture):
    """A result with its files, and the path of its reference."""
    for seed, name in enumerate(("noisy", "restored", "clean")):
        save(tmp_path / f"{name}.png", pixels=picture(20, 30, seed=seed))
    result = FileResult(tmp_path / "noisy.png", tmp_path / "restored.png", "restored")
    return result, tmp_path / "clean.png"


def test_both_the_input_and_the_result_are_measured(files):
    result, reference = files

    assert compare(result, reference) == Comparison(
        reference, of_files(result.source, reference), of_files(result.target, reference)
    )


def test_a_picture_that_failed_is_not_measured_and_not_reported_again(files):
    result, reference = files

    failed = FileResult(result.source, result.target, "failed", error="out of luck")

    assert compare(failed, reference) == Comparison(reference)


@pytest.mark.parametrize("broken", ["noisy", "restored", "clean"])
def test_trouble_with_any_of_the_files_is_told_with_the_name_of_the_picture(files, broken):
    result, reference = files
    reference.with_stem(broken).write_bytes(b"nothing")

    comparison = compare(result, reference)

    assert (comparison.input, comparison.restored) == (None, None)
    assert comparison.error.startswith(f"{result.source} could not be measured: ")
    assert f"{broken}.png cannot be read: it is not a picture" in comparison.error


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((20, 31, 3), r"has 30x20 pixels, its reference .*clean\.png 31x20$"),
        ((20, 30, 1), r"noisy\.png is RGB, its reference .*clean\.png grey$"),
    ],
)
def test_a_reference_of_another_kind_is_told(files, save, picture, shape, message):
    result, reference = files
    save(reference, pixels=picture(*shape))

    error = compare(result, reference).error

    with pytest.raises(DataError, match=message):
        raise DataError(error)


def test_pictures_too_small_for_ssim_are_told(files, save):
    result, reference = files
    for path in (result.source, result.target, reference):
        save(path, 10, 30)

    assert "SSIM needs at least 11 pixels" in compare(result, reference).error


def test_a_lack_of_memory_is_told(files, monkeypatch):
    def out_of_memory(*_, **__):
        raise MemoryError

    monkeypatch.setattr(metrics, "ssim", out_of_memory)

    assert compare(*files).error.endswith("could not be measured: not enough memory")


# mean


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(-1, 1)), min_size=1, max_size=8))
def test_the_mean_counts_every_picture_alike(rows):
    average = mean([PairFigures(*row) for row in rows])

    assert astuple(average.figures) == pytest.approx(np.mean(rows, axis=0))
    assert average.infinite == 0


def test_an_infinite_psnr_is_left_out_and_counted():
    figures = [PairFigures(30.0, 0.5), PairFigures(math.inf, 1.0), PairFigures(40.0, 0.75)]

    assert mean(figures) == Mean(PairFigures(35.0, 0.75), 1)
    assert mean(figures[1:2]) == Mean(PairFigures(math.inf, 1.0), 1)


def test_of_no_pictures_there_is_no_mean():
    assert mean([]) is None


def test_every_figure_has_a_protocol():
    assert list(PROTOCOLS) == [field.name for field in fields(PairFigures)]
