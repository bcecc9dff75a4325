import logging

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from mirnet.errors import ImageError, InferenceError, OutOfMemoryError, ShapeError, TilingError
from mirnet.models.facts import Facts
from mirnet.restoration.restored import BORDER, Tally
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime, Runtime


class Pointwise:
    """A runtime whose result for a pixel depends on that pixel alone, and so not on the tiles."""

    name = "pointwise"
    facts = Facts()

    def __init__(self, function, *, largest=10**6, error=OutOfMemoryError):
        self.function = function
        self.largest = largest
        self.error = error
        self.batches = []
        self.closed = 0

    def __call__(self, batch):
        assert batch.dtype == np.float32
        assert batch.min() >= 0
        assert batch.max() <= 1
        self.batches.append(batch.shape)
        if max(batch.shape) > self.largest:
            raise self.error("too large")
        return self.function(batch).astype(np.float32)

    def close(self):
        self.closed += 1


def halve(batch):
    return batch / 2


def test_a_fake_runtime_is_a_runtime():
    assert isinstance(Pointwise(halve), Runtime)
    assert isinstance(EchoRuntime(), Runtime)


@given(
    height=st.integers(1, 130),
    width=st.integers(1, 130),
    channels=st.sampled_from([0, 1, 3]),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    tile=st.sampled_from([32, 64, 100]),
    overlap=st.sampled_from([None, 0, 8, 16]),
    strength=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_any_picture_comes_back_from_an_echo(
    picture, height, width, channels, dtype, tile, overlap, strength
):
    image = picture(height, width, channels or 1, dtype)
    image = image if channels else image[..., 0]
    before = image.copy()
    restorer = Restorer(EchoRuntime(), tile=tile, overlap=overlap, strength=strength)
    restored = restorer(image)

    assert restored.shape == image.shape
    assert restored.dtype == image.dtype
    np.testing.assert_allclose(restored, before, atol=1e-6 if dtype == np.float32 else 0)
    np.testing.assert_array_equal(image, before)
    assert not np.shares_memory(restored, image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_network_sees_the_whole_range_of_each_dtype(dtype):
    white = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    image = np.linspace(0, white, 40 * 40).reshape(40, 40).astype(dtype)
    seen = []
    Restorer(Pointwise(lambda batch: seen.append(batch) or batch))(image)

    assert seen[0].shape == (1, 3, 40 + 2 * BORDER, 40 + 2 * BORDER)
    assert (seen[0].min(), seen[0].max()) == (0, 1)
    np.testing.assert_array_equal(seen[0][0, 0], seen[0][0, 2])


def test_views_and_read_only_arrays_are_taken(picture):
    image = picture(40, 60)
    image.flags.writeable = False

    restored = Restorer(EchoRuntime())(image[::-1, ::2])

    np.testing.assert_array_equal(restored, image[::-1, ::2])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_strength_0_gives_the_original_to_the_last_bit_without_the_network(
    picture, dtype, channels
):
    image = picture(450, 90, channels, dtype)
    runtime, steps = Pointwise(halve), []
    if dtype == np.float32:
        image[7, 8], image[9, 10], image[11, 12] = np.nan, np.inf, -0.3

    restorer = Restorer(runtime, tile=64, strength=0.0)
    restored = restorer(image)
    restorer.restore(image, progress=steps.append).array()

    np.testing.assert_array_equal(restored, image)
    assert not np.shares_memory(restored, image)
    assert runtime.batches == []
    assert sum(steps) == 450 * 90


def test_strength_1_gives_all_that_the_network_makes(picture):
    image = picture(90, 70, dtype=np.float32)
    restored = Restorer(Pointwise(halve), tile=64, overlap=0, strength=1.0)(image)

    np.testing.assert_array_equal(restored, image - (image - image / 2))


@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_what_is_flat_comes_back_as_coarse_luminance(strength):
    image = np.full((90, 70, 3), 0.8, np.float32)
    restored = Restorer(Pointwise(halve), tile=64, strength=strength)(image)

    np.testing.assert_allclose(restored, 0.4 + 0.4 * (1 - strength) ** 4, atol=1e-6)


def test_a_tile_that_was_left_is_the_original_at_any_strength(picture):
    image = picture(90, 90)
    restored = Restorer(Pointwise(lambda batch: batch * np.nan), tile=64, strength=0.5)(image)

    np.testing.assert_array_equal(restored, image)


def test_a_result_outside_the_range_is_clipped(picture):
    image = picture(40, 40, dtype=np.float32)
    restored = Restorer(Pointwise(lambda batch: batch * 3 - 1))(image)

    assert (restored.min(), restored.max()) == (0, 1)


@pytest.mark.parametrize("value", [-0.25, 1.5, 1000, np.inf, -np.inf])
def test_float_values_outside_the_range_survive(picture, value):
    image = picture(90, 90, dtype=np.float32) * 0.9
    image[20:40, 30:50] = value

    restored = Restorer(Pointwise(halve), tile=64)(image)

    expected = image / 2
    expected[20:40, 30:50] = value - 0.5 * (value > 0)  # 1 became 0.5; the excess is carried over
    np.testing.assert_allclose(restored, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_that_are_no_numbers_survive_and_disturb_no_other(picture, channels):
    image = picture(90, 90, channels, np.float32)
    image[40:44, 50:60] = np.nan

    restored = Restorer(Pointwise(halve), tile=64)(image)

    np.testing.assert_allclose(restored, image / 2, atol=1e-6)


@pytest.mark.parametrize("nonsense", [np.nan, np.inf, -1e4])
def test_a_tile_without_a_usable_result_is_left_and_counted(picture, nonsense):
    image = picture(64 - 2 * BORDER, 200, dtype=np.float32)
    runtime = Pointwise(halve)

    def spoil_the_first(batch):
        spoilt = batch / 2
        if len(runtime.batches) == 1:
            spoilt[0, 1, 5, 5] = nonsense
        return spoilt

    runtime.function = spoil_the_first
    restored = Restorer(runtime, tile=64, overlap=16).restore(image)
    (band,), tally = restored.rows(), restored.tally

    assert (tally.tiles, tally.kept) == (len(runtime.batches), 1)
    assert tally.tiles >= 4
    np.testing.assert_allclose(band[:, :30], image[:, :30], atol=1e-6)
    np.testing.assert_allclose(band[:, 64:], image[:, 64:] / 2, atol=1e-6)


def test_tiles_that_were_left_are_logged_once_an_array(picture, caplog):
    Restorer(Pointwise(lambda batch: batch * np.nan), tile=32)(picture(90, 90))

    (record,) = caplog.records
    assert "16 of 16 tiles were left as they were" in record.getMessage()


@pytest.mark.parametrize("error", [OutOfMemoryError, MemoryError])
def test_tiles_shrink_when_memory_runs_out_and_the_result_stays_right(picture, caplog, error):
    image = picture(300, 270, dtype=np.float32)
    runtime = Pointwise(halve, largest=64, error=error)
    restored = Restorer(runtime, tile=256, overlap=32).restore(image)
    with caplog.at_level(logging.WARNING):
        array = restored.array()

    np.testing.assert_allclose(array, image / 2, atol=1e-6)
    assert restored.tally == Tally(tiles=4, kept=0)
    # it is tried once at each size, and never again
    assert [shape for shape in runtime.batches if max(shape) > 64] == [
        (1, 3, 172, 156),
        (1, 3, 72, 88),
    ]
    assert "continuing with 64" in caplog.messages[-1]


def test_smaller_tiles_are_kept_for_the_next_picture(picture):
    runtime = Pointwise(halve, largest=128)
    restorer = Restorer(runtime, tile=256, overlap=32)
    restorer(picture(200, 200))
    before = len(runtime.batches)
    restorer(picture(200, 200))

    assert max(max(shape) for shape in runtime.batches[before:]) == 88


def test_too_little_memory_for_the_smallest_tile_ends_in_one_message(picture):
    runtime = Pointwise(halve, largest=32)
    with pytest.raises(
        InferenceError, match="not enough memory on pointwise even for a tile of 52"
    ):
        Restorer(runtime, tile=256, overlap=32)(picture(200, 200))

    assert [max(shape) for shape in runtime.batches] == [208, 88, 52]


def test_other_failures_pass_through(picture):
    with pytest.raises(InferenceError, match=r"^too large$"):
        Restorer(Pointwise(halve, largest=8, error=InferenceError))(picture(20, 20))


def test_a_model_that_changes_the_size_is_refused(picture):
    doubling = Pointwise(lambda batch: batch.repeat(2, axis=2).repeat(2, axis=3))
    with pytest.raises(InferenceError, match="does not restore pictures at their own size"):
        Restorer(doubling)(picture(20, 20))


@pytest.mark.parametrize(
    "shape", [(), (5,), (0, 5, 3), (5, 0), (5, 5, 0), (5, 5, 2), (5, 5, 4), (1, 5, 5, 3)]
)
def test_shapes_that_are_no_picture_are_named(shape):
    with pytest.raises(ShapeError, match=r"a picture (is height x width|has 1 or 3 channels).*got"):
        Restorer(EchoRuntime())(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [bool, np.int16, np.float16, np.float64, ">u2"])
def test_other_dtypes_are_refused_before_anything_runs(dtype):
    runtime = Pointwise(halve)
    with pytest.raises(ImageError, match="give uint8, uint16 or float32"):
        Restorer(runtime)(np.zeros((8, 8, 3), dtype))
    assert runtime.batches == []


@pytest.mark.parametrize("strength", [-0.1, 1.1, np.nan])
def test_a_strength_outside_0_to_1_is_refused(strength):
    with pytest.raises(ShapeError, match="from 0 to 1, got"):
        Restorer(EchoRuntime(), strength=strength)


@pytest.mark.parametrize("views", [0, 9])
def test_a_self_ensemble_of_no_view_or_of_more_than_there_are_is_refused(views):
    with pytest.raises(ShapeError, match="takes 1 to 8 views, got"):
        Restorer(EchoRuntime(), self_ensemble=views)


@pytest.mark.parametrize(("tile", "overlap"), [(30, None), (0, None), (64, 36), (64, -4)])
def test_a_tile_or_overlap_that_does_not_fit_is_refused(tile, overlap):
    with pytest.raises(TilingError):
        Restorer(EchoRuntime(), tile=tile, overlap=overlap)


@given(st.integers(8, 100).map(lambda quarter: 4 * quarter))
def test_every_tile_has_an_overlap_that_fits(tile):
    assert 0 < Restorer(EchoRuntime(), tile=tile).overlap <= 32


def test_leaving_the_block_closes_the_runtime(picture):
    runtime = Pointwise(halve)
    with Restorer(runtime) as restorer:
        restorer(picture(8, 8))
        assert runtime.closed == 0

    assert runtime.closed == 1


def test_progress_ends_at_the_number_of_pixels(picture, save, tmp_path):
    steps = []
    source = save(tmp_path / "a.png", 150, 90)
    Restorer(EchoRuntime(), tile=64).file(source, tmp_path / "b.png", progress=steps.append)

    assert len(steps) > 5
    assert sum(steps) == pytest.approx(150 * 90)


def brighter_to_the_right(batch):
    return batch + np.linspace(0, 0.1, batch.shape[-1], dtype=np.float32)


def test_a_self_ensemble_runs_each_tile_as_often_as_it_has_views(picture):
    runtime = Pointwise(halve)
    Restorer(runtime, tile=64, overlap=0, self_ensemble=3)(picture(100, 50))

    upright, lying = (1, 3, 56, 60), (1, 3, 60, 56)
    assert runtime.batches[:3] == [upright, lying, upright]
    assert len(runtime.batches) == 3 * 2


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        (1, lambda right, down: right),
        (2, lambda right, down: (right + down) / 2),
        (4, lambda right, down: 0 * right + 0.05),
        (8, lambda right, down: 0 * right + 0.05),
    ],
)
def test_what_a_network_adds_to_one_side_is_averaged_over_the_views(views, expected):
    side = 40
    image = np.full((side, side, 3), 0.5, np.float32)

    restored = Restorer(Pointwise(brighter_to_the_right), self_ensemble=views)(image)

    ramp = np.linspace(0, 0.1, side + 2 * BORDER)[BORDER:-BORDER]
    right, down = np.meshgrid(ramp, ramp)
    np.testing.assert_allclose(restored[..., 0] - 0.5, expected(right, down), atol=1e-6)


@pytest.mark.parametrize("nonsense", [np.nan, 9.0])
def test_a_tile_of_a_self_ensemble_is_left_if_one_view_has_no_usable_result(picture, nonsense):
    image = picture(40, 40)
    results = iter([0.5, nonsense, 0.5, 0.5])
    restorer = Restorer(Pointwise(lambda batch: batch * next(results)), self_ensemble=4)
    restored = restorer.restore(image)

    np.testing.assert_array_equal(restored.array(), image)
    tally = restored.tally
    assert (tally.tiles, tally.kept) == (1, 1)


@pytest.fixture(scope="module")
def denoiser():
    pytest.importorskip("MNN")
    from mirnet.models import catalog
    from mirnet.runtimes.mnn import MnnRuntime

    path = next(path for path in catalog.find("denoise").files() if path.suffix == ".mnn")
    with Restorer(MnnRuntime(path, threads=1), tile=64) as restorer:
        yield restorer


def test_the_same_picture_gives_the_same_result_every_time(denoiser, picture):
    image = picture(100, 75)
    first = denoiser(image)
    denoiser(picture(30, 40, seed=1))

    np.testing.assert_array_equal(denoiser(image), first)


def test_the_bundled_model_takes_noise_away(denoiser, picture):
    rng = np.random.default_rng(0)
    clean = np.full((100, 100, 3), 0.4, np.float32)
    noisy = clean + rng.normal(0, 0.05, clean.shape).astype(np.float32)

    assert np.abs(denoiser(noisy) - clean).mean() < np.abs(noisy - clean).mean()


def test_a_file_keeps_its_metadata_and_depth(picture, tmp_path):
    image = pyvips.Image.new_from_array(picture(60, 80, dtype=np.uint16))
    image = image.copy(interpretation="rgb16", xres=11.811, yres=11.811)
    profile = bytes(pyvips.Operation.call("profile_load", "p3"))
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    image.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Artist", "me")
    image.write_to_file(str(tmp_path / "a.png"))

    source, tally, notes = Restorer(Pointwise(halve)).file(
        str(tmp_path / "a.png"), str(tmp_path / "b.png")
    )

    written = pyvips.Image.new_from_file(str(tmp_path / "b.png"))
    assert (source.height, source.width, source.dtype) == (60, 80, np.uint16)
    assert tally == Tally(tiles=1, kept=0)
    assert notes == ()
    assert written.format == "ushort"
    assert written.get("icc-profile-data") == profile
    assert written.get("xmp-data") == image.get("xmp-data")
    assert written.get("exif-ifd0-Artist").startswith("me")
    assert written.xres == pytest.approx(11.811, rel=1e-3)
    np.testing.assert_allclose(written.numpy(), image.numpy() / 2, atol=0.51)


@pytest.mark.parametrize("strength", [0.0, 0.5])
@pytest.mark.parametrize(("channels", "kind"), [(1, "grey16"), (3, "rgb16")])
def test_transparency_and_depth_are_kept_at_any_strength(
    picture, load, tmp_path, channels, kind, strength
):
    pixels = picture(90, 100, channels + 1, np.uint16)
    image = pyvips.Image.new_from_array(pixels).copy(interpretation=kind)
    image.write_to_file(str(tmp_path / "a.png"))
    restorer = Restorer(Pointwise(halve), tile=64, strength=strength)

    restorer.file(tmp_path / "a.png", tmp_path / "b.png")

    written = load(tmp_path / "b.png")
    assert written.dtype == np.uint16
    np.testing.assert_array_equal(written[..., -1], pixels[..., -1])
    np.testing.assert_array_equal(written[..., :-1], restorer(pixels[..., :-1]))


def test_a_failure_in_the_middle_of_a_file_leaves_nothing_behind(save, tmp_path):
    source = save(tmp_path / "a.png", 200, 40)
    runtime = Pointwise(halve)

    def fail_at_the_third(batch):
        if len(runtime.batches) == 3:
            raise InferenceError("broken")
        return batch

    runtime.function = fail_at_the_third
    with pytest.raises(InferenceError, match="broken"):
        Restorer(runtime, tile=64).file(source, tmp_path / "b.png")

    assert list(tmp_path.iterdir()) == [source]


class OneSize(Pointwise):
    """A runtime of a model that takes one size only."""

    def __init__(self, function, size, **options):
        super().__init__(function, **options)
        self.facts = Facts(size=size)

    def __call__(self, batch):
        assert batch.shape == (1, 3, *self.facts.size)
        return super().__call__(batch)


@given(
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    size=st.sampled_from([(32, 32), (64, 64), (64, 96), (100, 36)]),
    tile=st.sampled_from([None, 32]),
    views=st.sampled_from([1, 8]),
)
def test_a_model_of_one_size_gets_tiles_of_that_size_whatever_the_picture(
    picture, height, width, size, tile, views
):
    image = picture(height, width)

    restored = Restorer(OneSize(halve, size), tile=tile, self_ensemble=views)(image)

    np.testing.assert_allclose(restored, image / 2, atol=0.51)


def test_what_is_missing_of_a_tile_is_reflected(picture):
    image = picture(40, 30, dtype=np.float32)
    seen = []
    Restorer(OneSize(lambda batch: seen.append(batch) or batch, (64, 96)), tile=64)(image)

    (batch,) = seen
    surroundings = np.pad(image, ((BORDER, 16), (BORDER, 58), (0, 0)), mode="reflect")
    expected = np.pad(surroundings[:48, :40], ((0, 16), (0, 56), (0, 0)), mode="reflect")
    np.testing.assert_allclose(batch[0].transpose(1, 2, 0), expected, atol=1e-6)


def test_of_a_large_picture_a_model_of_one_size_sees_no_reflection_but_the_border(picture):
    image = picture(60, 100, dtype=np.float32)
    seen = []
    Restorer(OneSize(lambda batch: seen.append(batch[0]) or batch, (64, 64)), overlap=8)(image)

    canvas = np.pad(image, BORDER, mode="reflect")[..., BORDER:-BORDER].transpose(2, 0, 1)
    assert canvas.shape == (3, 68, 108)
    lefts = [0, 44]
    for tile, left in zip(seen[: len(lefts)], lefts, strict=True):
        np.testing.assert_allclose(tile, canvas[:, :64, left : left + 64], atol=1e-6)


@pytest.mark.parametrize(("size", "tile"), [(None, 188), ((64, 96), 64), ((256, 256), 256)])
def test_without_a_tile_it_is_the_models_or_the_usual_one(size, tile):
    assert Restorer(OneSize(halve, size)).tile == tile


def test_a_tile_that_the_model_does_not_take_is_refused():
    with pytest.raises(TilingError) as caught:
        Restorer(OneSize(halve, (64, 96)), tile=96)
    assert str(caught.value) == (
        "this model takes 64x96 only, and a tile of 96 does not fit: omit the tile, or use 64"
    )


def test_a_model_of_one_size_is_not_tried_with_smaller_tiles(picture):
    runtime = OneSize(halve, (96, 96), largest=90)

    with pytest.raises(InferenceError, match="not enough memory on pointwise even for a tile of"):
        Restorer(runtime)(picture(200, 200))
    assert len(runtime.batches) == 1
