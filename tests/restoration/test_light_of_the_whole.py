"""Models that judge the light of a whole picture: in tiles, each as bright as the whole."""

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.errors import OutOfMemoryError
from mirnet.models.facts import Facts
from mirnet.restoration.light import MOST, Light, Shrinking
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


class Exposes(EchoRuntime):
    """Brightens what it sees until its mean is middle grey; keeps all detail."""

    def __init__(self, *, most=10_000, **facts):
        super().__init__(Facts(task="brighten", **facts))
        self.most, self.calls = most, []

    def __call__(self, batch):
        if max(batch.shape[2:]) > self.most:
            raise OutOfMemoryError("too large")
        self.calls.append(batch.shape[2:])
        return batch * (0.4 / batch.mean(axis=(1, 2, 3), keepdims=True))


def scene(height, width, dtype=np.float32, channels=3, seed=0):
    """Dark on the left and lighter on the right, with edges and some grain."""
    rng = np.random.default_rng(seed)
    light = np.linspace(0.02, 0.12, width)[None, :] * np.ones((height, 1))
    light[height // 3 : height // 2, width // 4 : width // 2] *= 2
    image = light[..., None] * np.linspace(1, 0.7, channels)
    image = (image * (1 + 0.1 * rng.standard_normal(image.shape))).clip(0, 1).astype(np.float32)
    return image if dtype == np.float32 else (image * np.iinfo(dtype).max).round().astype(dtype)


@pytest.mark.parametrize(("dtype", "channels"), [(np.float32, 3), (np.uint16, 1), (np.uint8, 3)])
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_tiles_are_lit_as_the_whole_is(dtype, channels, strength):
    image = scene(300, 410, dtype, channels)
    whole = Restorer(Exposes(), whole=True, strength=strength)(image)

    tiled = Restorer(Exposes(), tile=64, overlap=16, strength=strength)(image)

    peak = 1 if dtype == np.float32 else np.iinfo(dtype).max
    apart = np.abs(tiled.astype(np.float64) - whole) / peak
    level = 1 / 255
    assert (tiled.shape, tiled.dtype) == (whole.shape, whole.dtype)
    # what the small copy cannot hold are its edges: there the gain is that of both sides
    assert np.quantile(apart, 0.95) < 3 * level
    # seven pixels are one of the small copy; on their mean both agree
    means = lambda values: values[:294, :406].reshape(42, 7, 58, 7, channels).mean((1, 3))  # noqa: E731
    assert np.abs(means(tiled / peak) - means(whole / peak)).max() < 4 * level


def test_without_it_each_tile_would_find_its_own(monkeypatch):
    image = scene(300, 410)
    whole = Restorer(Exposes(), whole=True)(image)
    monkeypatch.setattr(Facts, "judges_light", False)

    tiled = Restorer(Exposes(), tile=64, overlap=16)(image)

    assert np.abs(tiled - whole).mean() > 0.1


@settings(max_examples=25, deadline=None)  # a shared machine keeps no deadlines
@given(
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    tile=st.sampled_from([32, 64]),
    multiple=st.sampled_from([4, 8]),
)
def test_any_size_comes_back_with_the_light_of_the_whole(height, width, tile, multiple):
    image = scene(height, width, seed=height)
    restorer = Restorer(Exposes(multiple=multiple), tile=tile, overlap=8)

    tiled = restorer(image)

    assert tiled.shape == image.shape
    assert np.isfinite(tiled).all()
    assert tiled.mean() == pytest.approx(min(0.4, tiled.max()), abs=0.06)


def test_a_file_is_lit_too_and_keeps_what_it_carries(tmp_path):
    image = scene(200, 300, np.uint8)
    path = tmp_path / "dark.png"
    pyvips.Image.new_from_array(image).copy(xres=5.0, yres=5.0).write_to_file(str(path))
    restorer = Restorer(Exposes(), tile=64, overlap=16)

    restorer.file(path, tmp_path / "lit.png")

    lit = pyvips.Image.new_from_file(str(tmp_path / "lit.png"))
    assert lit.xres == pytest.approx(5.0, rel=0.01)
    np.testing.assert_array_equal(lit.numpy(), restorer(image))


def test_what_another_model_made_is_lit(monkeypatch):
    image = scene(200, 300)
    before = Restorer(EchoRuntime(Facts(task="denoise")), tile=64, overlap=16)

    chained = Restorer(Exposes(), tile=64, overlap=16, before=before)(image)

    alone = Restorer(Exposes(), tile=64, overlap=16)(image)
    np.testing.assert_allclose(chained, alone, atol=1e-5)


def test_a_picture_of_one_tile_is_judged_once():
    runtime = Exposes()

    Restorer(runtime)(scene(400, 500))

    assert runtime.calls == [(408, 508)]


def test_where_memory_runs_out_the_whole_is_judged_smaller():
    runtime = Exposes(most=128)
    image = scene(300, 410)

    lit = Restorer(runtime, tile=256, overlap=16)(image)

    whole = Restorer(Exposes(), whole=True)(image)
    assert np.abs(lit - whole).mean() < 1 / 255
    assert max(runtime.calls[0]) <= 128


@given(height=st.integers(1, 60), width=st.integers(1, 60), step=st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_a_small_copy_has_the_means_of_squares(height, width, step):
    image = scene(height, width)
    shrinking = Shrinking(height, width, step)
    for top in range(0, height, 7):
        shrinking.add(image[top : top + 7])

    small = shrinking.image()

    assert small.shape == (-(-height // step), -(-width // step), 3)
    assert small[0, 0] == pytest.approx(image[:step, :step].mean((0, 1)), abs=1e-6)
    last = image[(len(small) - 1) * step :, (small.shape[1] - 1) * step :]
    assert small[-1, -1] == pytest.approx(last.mean((0, 1)), abs=1e-6)


def test_a_gain_has_bounds_and_black_stays_black():
    light = Light(np.ones((4, 4, 3), np.float32), 8)

    lit = light.onto(np.zeros((32, 32, 3), np.float32), 0, 0)

    assert lit.max() < MOST * 0.03


def test_light_that_agrees_changes_nothing():
    image = scene(64, 64)
    shrinking = Shrinking(64, 64, 4)
    shrinking.add(image)

    lit = Light(shrinking.image(), 4).onto(image[8:40, 12:52], 8, 12)

    np.testing.assert_allclose(lit, image[8:40, 12:52], atol=1e-6)
