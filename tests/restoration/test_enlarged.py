"""Models that enlarge, through tiles: like the whole, at every size, with all that files carry."""

import tracemalloc

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.errors import InferenceError, OutOfMemoryError, WeightsError
from mirnet.models.facts import Facts
from mirnet.pictures import enlarging
from mirnet.pictures.source import Source
from mirnet.restoration import restorer as restoring
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


class Bicubic:
    """A stand-in for a network: it enlarges with a filter, which sees two pixels far."""

    name = "bicubic"

    def __init__(self, scale, *, most=10_000, **facts):
        self.facts = Facts(scale=scale, task="enlarge", **facts)
        self._most = most

    def __call__(self, batch):
        assert batch.shape[2] % 4 == batch.shape[3] % 4 == 0
        if max(batch.shape[2:]) > self._most:
            raise OutOfMemoryError("too large")
        scale = self.facts.scale
        return np.stack(
            [
                enlarging.enlarge(picture.transpose(1, 2, 0), scale).transpose(2, 0, 1)
                for picture in batch
            ]
        )

    def close(self):
        pass


def noise(height, width, channels=3, dtype=np.float32):
    values = np.random.default_rng(0).random((height, width, channels), np.float32)
    return values if dtype == np.float32 else (values * np.iinfo(dtype).max).astype(dtype)


def expected(image, scale):
    """What the stand-in makes of the whole picture."""
    return np.clip(enlarging.enlarge(image, scale), 0, 1)


@settings(max_examples=30, deadline=None)  # a shared machine keeps no deadlines
@given(
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    scale=st.integers(2, 4),
    tile=st.sampled_from([32, 48, 64]),
)
def test_pictures_of_any_size_come_out_larger_and_without_seams(height, width, scale, tile):
    """Pixels that a tile's border spoils have no weight."""
    image = noise(height, width)

    result = Restorer(Bicubic(scale), tile=tile, overlap=16)(image)

    assert result.shape == (height * scale, width * scale, 3)
    far = enlarging.enlarge(np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="symmetric"), scale)
    inside = slice(2 * scale, -2 * scale)
    close = np.clip(far[inside, inside], 0, 1)
    edge = slice(3 * scale, -3 * scale)  # beyond the border tiles mirror at the pixel, filters not
    np.testing.assert_allclose(result[edge, edge], close[edge, edge], atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(50, 70), (50, 70, 1), (50, 70, 3)])
def test_arrays_keep_their_axes_and_dtype(dtype, shape):
    image = noise(50, 70, shape[2] if len(shape) == 3 else 1, dtype).reshape(shape)

    result = Restorer(EchoRuntime(Facts(scale=3)), tile=48)(image)

    assert (result.dtype, result.shape) == (dtype, (150, 210, *shape[2:]))
    worst = np.abs(result.astype(float) - image.repeat(3, 0).repeat(3, 1)).max()
    assert worst <= (1e-5 if dtype == np.float32 else 0)


def test_one_piece_equals_what_the_model_makes_of_it():
    image = noise(30, 43)  # no multiples of four

    result = Restorer(Bicubic(2), whole=True)(image)

    padded = np.pad(image, ((0, 14), (0, 1), (0, 0)), mode="reflect")
    np.testing.assert_allclose(result, expected(padded, 2)[:60, :86], atol=1e-6)


@pytest.mark.parametrize("strength", [0.0, 0.4])
def test_strength_blends_with_what_a_filter_makes(strength):
    image = noise(60, 80)

    result = Restorer(EchoRuntime(Facts(scale=2)), tile=48, strength=strength)(image)

    filtered, repeated = np.clip(expected(image, 2), 0, 1), image.repeat(2, 0).repeat(2, 1)
    inside = slice(4, -4)
    if strength == 0:
        np.testing.assert_allclose(np.clip(result, 0, 1), filtered, atol=1e-5)
    else:
        distance = [np.abs(result - each)[inside, inside].mean() for each in (filtered, repeated)]
        assert 0 < distance[0] < np.abs(filtered - repeated)[inside, inside].mean()
        assert distance[1] > 0


def test_views_are_averaged_as_for_other_models():
    image = noise(40, 52)

    one, eight = (Restorer(Bicubic(2), tile=48, self_ensemble=n)(image) for n in (1, 8))

    np.testing.assert_allclose(eight, one, atol=1e-5)  # the filter is symmetric


def test_where_the_network_fails_a_filter_takes_its_place():
    class Broken(Bicubic):
        def __call__(self, batch):
            return np.full_like(super().__call__(batch), np.nan)

    image = noise(40, 52)
    restored = Restorer(Broken(2), tile=64, overlap=0).restore(image)

    array = restored.array()

    assert restored.tally.kept == restored.tally.tiles > 0
    inside = slice(8, -8)
    np.testing.assert_allclose(array[inside, inside], expected(image, 2)[inside, inside], atol=1e-5)


def test_what_exceeds_the_range_stays_where_it_is():
    image = noise(40, 40)
    image[10, 20], image[30, 5] = 3, np.nan

    result = Restorer(EchoRuntime(Facts(scale=2)), tile=64)(image)

    assert np.isnan(result[60:62, 10:12]).all() and np.isnan(result).sum() == 4 * 3
    np.testing.assert_allclose(result[20:22, 40:42], 3, atol=1e-5)
    assert np.nanmax(result[22:, :]) <= 1 + 1e-5


def test_tiles_too_large_for_the_memory_are_cut(caplog):
    image = noise(100, 100)

    result = Restorer(Bicubic(2, most=64), tile=96, overlap=16)(image)

    assert "not enough memory for tiles of" in caplog.text
    inside = slice(8, -8)
    np.testing.assert_allclose(
        result[inside, inside], expected(image, 2)[inside, inside], atol=1e-4
    )


def test_a_model_that_enlarges_otherwise_than_it_says_is_refused():
    runtime = EchoRuntime(Facts(scale=2))
    runtime.facts = Facts(scale=3)
    restorer = Restorer(runtime)
    runtime.facts = Facts(scale=2)

    with pytest.raises(InferenceError, match="does not enlarge pictures 3 times"):
        restorer(noise(40, 40))


def test_where_results_must_keep_their_size_such_models_are_refused():
    restoring.check(Facts(scale=2, task="enlarge"))
    with pytest.raises(
        WeightsError, match="2 times as large, for enlarge: here, one picture becomes"
    ):
        restoring.check(Facts(scale=2, task="enlarge"), is_plain=True)


def test_a_file_carries_everything_at_its_new_size(tmp_path):
    pixels = noise(50, 70, 4, np.uint8)
    image = pyvips.Image.new_from_array(pixels).copy(interpretation="srgb", xres=10, yres=10)
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Model", "Scanner")
    image.write_to_file(str(tmp_path / "scan.png"))

    source, tally, notes = Restorer(Bicubic(2), tile=48).file(
        tmp_path / "scan.png", tmp_path / "large.tif"
    )

    written = pyvips.Image.new_from_file(str(tmp_path / "large.tif"))
    assert (source.height, source.width, notes) == (50, 70, ())
    assert (written.width, written.height, written.bands) == (140, 100, 4)
    assert written.xres == pytest.approx(20, rel=1e-3)
    assert tally.tiles > 1
    alpha = enlarging.enlarge(pixels[..., 3:].astype(np.float32) / 255, 2)
    np.testing.assert_allclose(written.numpy()[..., 3:] / 255, np.clip(alpha, 0, 1), atol=0.003)


def test_memory_is_bounded_by_rows_of_the_result():
    """Twice as tall a picture takes no more."""

    def peak(height):
        rows = np.zeros((height, 64, 3), np.uint8)
        restored = Restorer(EchoRuntime(Facts(scale=4)), tile=64).restore(Source.of(rows))
        tracemalloc.start()
        for _ in restored.rows():
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    small, large = peak(512), peak(2048)
    row_of_tiles = 64 * 4 * 64 * 4 * 3 * 4
    assert large < 1.1 * small
    assert large < 12 * row_of_tiles
