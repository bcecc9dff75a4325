"""Models that follow each other: as if each had the other's result in a file of floats."""

import tracemalloc

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

import mirnet
from mirnet.errors import WeightsError
from mirnet.models.facts import Facts
from mirnet.pictures import enlarging
from mirnet.pictures.source import Source
from mirnet.restoration.grain import Grain
from mirnet.restoration.restorer import ORDER, Restorer, usual_order


class Pointwise:
    """A stand-in for a network that changes each pixel alone, and enlarges by repeating it."""

    name = "pointwise"

    def __init__(self, change, scale=1, **facts):
        self.facts = Facts(scale=scale, **facts)
        self._change = change
        self.closed = 0

    def __call__(self, batch):
        scale = self.facts.scale
        return self._change(batch).astype(np.float32).repeat(scale, 2).repeat(scale, 3)

    def close(self):
        self.closed += 1


def darker(batch):
    return 0.3 * batch


def brighter(batch):
    return np.clip(batch / 0.3, 0, 1)


def chained(*runtimes, **options):
    restorer = None
    for runtime in runtimes:
        restorer = Restorer(runtime, before=restorer, **options)
    return restorer


@settings(max_examples=30, deadline=None)  # a shared machine keeps no deadlines
@given(
    height=st.integers(1, 120),
    width=st.integers(1, 120),
    channels=st.sampled_from([1, 3]),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    scales=st.lists(st.sampled_from([1, 2, 3]), min_size=2, max_size=3),
    strength=st.sampled_from([0.0, 0.4, 1.0]),
)
def test_each_model_restores_what_the_last_one_made(
    height, width, channels, dtype, scales, strength
):
    values = np.random.default_rng(0).random((height, width, channels), np.float32)
    image = values if dtype == np.float32 else (values * np.iinfo(dtype).max).astype(dtype)
    peak = 1 if dtype == np.float32 else np.iinfo(dtype).max

    models = [Pointwise(lambda batch: batch * 0.9, scale) for scale in scales]
    found = chained(*models, tile=64, strength=strength)(image)

    apart = (image / np.float32(peak)).astype(np.float32)
    for model in models:
        apart = Restorer(model, tile=64, strength=strength)(apart)
    total = np.prod(scales)
    assert found.shape == (height * total, width * total, channels)
    assert found.dtype == dtype
    np.testing.assert_allclose(found / peak, np.clip(apart, 0, 1), atol=1e-6 + 0.51 / peak)


def test_nothing_is_rounded_in_between(picture):
    image = picture(60, 50)

    assert np.array_equal(chained(Pointwise(darker), Pointwise(brighter))(image), image)
    step = Restorer(Pointwise(darker))(image)
    assert not np.array_equal(Restorer(Pointwise(brighter))(step), image)


def test_at_strength_nought_the_picture_stays(picture):
    image = picture(60, 50)

    restored = chained(Pointwise(darker), Pointwise(brighter), strength=0.0)(image)

    assert np.array_equal(restored, image)


def test_files_keep_all_they_carry_and_progress_ends_at_their_pixels(save, picture, tmp_path):
    source = save(tmp_path / "a.png", pixels=picture(80, 50, 4))
    steps = []
    restorer = chained(Pointwise(darker), Pointwise(brighter, 2), Pointwise(brighter, 2), tile=64)
    read, tally, _ = restorer.file(source, tmp_path / "b.png", progress=steps.append)

    assert restorer.scale == 4
    assert (read.height, read.width) == (80, 50)
    assert sum(steps) == pytest.approx(80 * 50)
    assert tally.tiles == len(steps) > 10
    written = pyvips.Image.new_from_file(str(tmp_path / "b.png")).numpy()
    assert written.shape == (320, 200, 4)
    original = pyvips.Image.new_from_file(str(source)).numpy()
    alpha = enlarging.enlarge(original[..., 3:] / np.float32(255), 4)[..., 0]
    np.testing.assert_allclose(written[..., 3] / 255, alpha.clip(0, 1), atol=1 / 255)


def test_grain_comes_last(picture):
    image = picture(40, 40)
    alone = Restorer(Pointwise(brighter), grain=Grain(5.0))(
        Restorer(Pointwise(darker))(image / np.float32(255))
    )
    first = Restorer(Pointwise(darker))
    restored = Restorer(Pointwise(brighter), before=first, grain=Grain(5.0))(image)

    np.testing.assert_allclose(restored / 255, alone, atol=0.51 / 255)


def test_memory_holds_a_few_rows_of_tiles(tmp_path):
    def peak(height):
        rows = lambda top, count: np.full((count, 256, 3), 90, np.uint8)  # noqa: E731
        source = Source.of(np.zeros((1, 1, 3), np.uint8))
        source.height, source.width, source.rows = height, 256, rows
        restorer = chained(Pointwise(darker), Pointwise(brighter), tile=64)
        tracemalloc.start()
        for _ in restorer.restore(source).rows():
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(100)  # what is made once
    assert peak(4000) < 1.3 * peak(1000)


def test_two_views_are_for_the_first_model(picture):
    views = Pointwise(lambda batch: batch[:, :3], in_channels=6, task="deblur")
    left, right = picture(40, 40, seed=1), picture(40, 40, seed=2)

    restored = chained(views, Pointwise(darker))(left, right)

    expected = Restorer(Pointwise(darker))(left)
    assert np.abs(restored.astype(int) - expected).max() <= 1
    with pytest.raises(WeightsError, match="it can only be the first of several"):
        chained(Pointwise(darker), views)


def test_all_are_closed(picture):
    runtimes = [Pointwise(darker), Pointwise(brighter)]
    with chained(*runtimes) as restorer:
        assert [each.runtime for each in restorer.chain] == runtimes
    assert [runtime.closed for runtime in runtimes] == [1, 1]


@given(st.lists(st.sampled_from([*ORDER, ""]), max_size=6))
def test_the_usual_order_is_usual(tasks):
    chain = [Facts(task=task) for task in tasks]
    places = usual_order(chain)

    if places is None:
        known = [ORDER.index(task) for task in tasks if task]
        assert known == sorted(known)
    else:
        assert sorted(places) == list(range(len(tasks)))
        assert usual_order([chain[place] for place in places]) is None
        assert all(place == at for at, place in enumerate(places) if not tasks[at])


def test_load_takes_several_models_and_closes_the_first_if_a_later_one_is_missing(picture):
    image = picture(40, 48)
    with mirnet.load("denoise-print", runtime="mnn") as once:
        twice = once(once(image / np.float32(255)).clip(0, 1))
    with mirnet.load(["denoise-print"] * 2, runtime="mnn") as restorer:
        np.testing.assert_allclose(restorer(image) / 255, twice, atol=0.51 / 255)

    with pytest.raises(WeightsError, match="no model 'denoize'"):
        mirnet.load(["denoise-print", "denoize"], runtime="mnn")
    with pytest.raises(WeightsError, match="no model was given"):
        mirnet.load([])
