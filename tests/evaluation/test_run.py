"""Pairs are measured one by one, by all methods; what fails is reported, the rest goes on."""

import gc
import weakref

import numpy as np
import pytest

from mirnet.errors import DataError, InferenceError
from mirnet.evaluation import sets
from mirnet.evaluation.method import ModelMethod
from mirnet.evaluation.restored_images import RestoredImages
from mirnet.evaluation.run import Failed, Measured, run
from mirnet.evaluation.scores import measure
from mirnet.evaluation.sets import DataSet
from mirnet.evaluation.summary import Summary
from mirnet.models.facts import Facts
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


class Brightens:
    """Adds half a level of 8 bits, which rounding may swallow and floats keep."""

    name = "brightens"
    facts = Facts()

    def __call__(self, batch):
        return batch + np.float32(0.4 / 255)

    def close(self):
        pass


class FailsAt(EchoRuntime):
    """Fails at the batches of the given numbers."""

    def __init__(self, *numbers):
        self.numbers, self.calls = numbers, -1

    def __call__(self, batch):
        self.calls += 1
        if self.calls in self.numbers:
            raise InferenceError("out of luck")
        return super().__call__(batch)


class Overflows(EchoRuntime):
    def __call__(self, batch):
        return np.full_like(batch, np.nan)


def method(runtime, name="denoise"):
    """The runtime as a method, with the facts of the bundled model."""
    return ModelMethod(name, "denoise", Restorer(runtime))


@pytest.fixture
def folder(tmp_path, save, picture):
    """Three pairs, the last of 16 bits."""
    for index, name in enumerate("abc"):
        dtype = np.uint16 if name == "c" else np.uint8
        for seed, half in enumerate(("noisy", "clean")):
            pixels = picture(20 + index, 30, dtype=dtype, seed=2 * index + seed)
            save(tmp_path / "pairs" / half / f"{name}.png", pixels=pixels)
    return tmp_path / "pairs"


def test_scores_are_of_the_unrounded_result(folder, load):
    (data,) = sets.open_all([folder])
    results = list(run([data], [method(Brightens())]))

    assert [result.name for result in results] == ["a", "b", "c"]
    for result in results:
        white = 65535 if result.name == "c" else 255
        noisy, clean = (
            load(folder / half / f"{result.name}.png").astype(np.float32) / np.float32(white)
            for half in ("noisy", "clean")
        )
        brighter = np.clip(noisy + np.float32(0.4 / 255), 0, 1)
        assert result.input == measure(noisy, clean)
        expected = measure(brighter, clean)
        (outcome,) = result.outcomes.values()
        assert outcome.scores.psnr == pytest.approx(expected.psnr, abs=1e-4)
        assert outcome.scores.ssim_volume == pytest.approx(expected.ssim_volume, abs=1e-5)
        assert (result.height, result.width, outcome.image) == (*noisy.shape[:2], None)
        assert (outcome.tiles, outcome.tiles_kept) == (1, 0)
        assert outcome.seconds > 0
    scores = results[0].outcomes["denoise"].scores
    assert scores.psnr != results[0].input.psnr
    assert scores.psnr_8bit == results[0].input.psnr_8bit


def test_methods_are_measured_side_by_side_each_on_the_noisy_picture(folder):
    (data,) = sets.open_all([folder])
    methods = [method(Brightens(), "b"), method(EchoRuntime(), "a"), method(Brightens(), "c")]

    together = list(run([data], methods))
    alone = [result.outcomes["c"].scores for result in run([data], methods[2:])]

    for result, scores in zip(together, alone, strict=True):
        assert list(result.outcomes) == ["b", "a", "c"]
        assert result.outcomes["a"].scores == result.input
        assert result.outcomes["b"].scores == result.outcomes["c"].scores == scores
        assert scores != result.input


def test_one_that_fails_is_reported_and_the_others_are_measured(folder):
    (data,) = sets.open_all([folder])

    methods = [method(FailsAt(1))]
    results = list(run([data], methods))

    assert [type(result) for result in results] == [Measured, Failed, Measured]
    assert results[1] == Failed(folder, "b", "out of luck")
    summary = Summary(methods)
    for result in results:
        summary.add(result)
    assert (summary.pairs, summary.failed) == (2, 1)
    first, last = (results[index].outcomes["denoise"] for index in (0, 2))
    expected = (first.scores.psnr + last.scores.psnr) / 2
    assert summary.columns["denoise"].means.scores.psnr == pytest.approx(expected)
    megapixels = (20 * 30 + 22 * 30) / 1e6
    seconds = first.seconds + last.seconds
    assert summary.seconds_per_megapixel("denoise") == pytest.approx(seconds / megapixels)


def test_a_pair_at_which_one_method_fails_is_failed_for_all(folder):
    (data,) = sets.open_all([folder])
    seen = []

    results = list(
        run(
            [data],
            [method(EchoRuntime(), "echo"), method(FailsAt(0, 2))],
            show=lambda result, _: seen.append(result),
        )
    )

    assert [type(result) for result in results] == [Failed, Measured, Failed]
    assert list(results[1].outcomes) == ["echo", "denoise"]
    assert seen == [results[1]]


def test_two_methods_of_one_name_are_refused(folder):
    (data,) = sets.open_all([folder])
    methods = [method(EchoRuntime(), "nlm"), method(Brightens()), method(EchoRuntime(), "nlm")]

    with pytest.raises(DataError, match="two of the methods nlm, denoise, nlm have the same name"):
        next(run([data], methods))


def test_the_pixels_of_each_pair_are_shown_as_they_are_measured(folder, load):
    (data,) = sets.open_all([folder])
    shown = []

    results = list(
        run(
            [data],
            [method(EchoRuntime(), "echo"), method(Brightens())],
            show=lambda *each: shown.append(each),
        )
    )

    assert [result for result, _ in shown] == results
    for result, pictures in shown:
        assert list(pictures.restored) == list(result.outcomes)
        noisy, clean = (load(folder / half / f"{result.name}.png") for half in ("noisy", "clean"))
        white = np.float32(np.iinfo(noisy.dtype).max)
        np.testing.assert_array_equal(pictures.noisy, noisy / white)
        np.testing.assert_array_equal(pictures.truth, clean / white)
        np.testing.assert_allclose(pictures.restored["echo"], noisy / white, atol=1e-6)
        for name, restored in pictures.restored.items():
            assert measure(restored, pictures.truth) == result.outcomes[name].scores


def test_lpips_is_of_each_picture_to_the_truth_where_it_is_asked_for(folder):
    (data,) = sets.open_all([folder], limit=1)
    methods = [method(Brightens())]

    def distance(picture, truth):
        return float(np.abs(picture.astype(float) - truth).sum())

    shown = []
    (result,) = run([data], methods, lpips=distance, show=lambda _, pixels: shown.append(pixels))
    (without,) = run([data], methods)

    (pixels,) = shown
    assert result.input.lpips == distance(pixels.noisy, pixels.truth)
    restored = result.outcomes["denoise"].scores.lpips
    assert restored == distance(pixels.restored["denoise"], pixels.truth) != result.input.lpips
    assert without.input.lpips is without.outcomes["denoise"].scores.lpips is None


def test_tiles_that_were_left_alone_are_counted(folder):
    (data,) = sets.open_all([folder], limit=1)

    (result,) = run([data], [method(Overflows())])

    outcome = result.outcomes["denoise"]
    assert (outcome.tiles, outcome.tiles_kept) == (1, 1)
    assert outcome.scores == result.input


def test_the_limit_is_for_each_folder_and_may_be_more_than_there_is(folder, tmp_path):
    copy = tmp_path / "copy"
    copy.symlink_to(folder.rename(tmp_path / "moved"))

    assert [data.count for data in sets.open_all([copy], limit=2)] == [2]
    assert [data.count for data in sets.open_all([copy], limit=9)] == [3]


def test_a_folder_that_is_given_twice_is_refused(folder):
    with pytest.raises(DataError, match="is given twice"):
        sets.open_all([folder, folder / ".." / "pairs"])


class Tracked:
    """Pairs that are made when asked for, and watched."""

    def __init__(self, count):
        self.count, self.alive, self.most = count, weakref.WeakSet(), 0

    def __len__(self):
        return self.count

    def name(self, index):
        return str(index)

    def whole(self, index):
        gc.collect()
        self.most = max(self.most, len(self.alive))
        halves = [np.full((16, 16, 3), index + k, np.uint8).view(Watched) for k in (0, 50)]
        self.alive.update(halves)
        return tuple(halves)


class Watched(np.ndarray):
    """An array that hashes by identity, as weak sets want it."""

    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


def test_no_more_than_one_pair_is_held(tmp_path):
    pairs = Tracked(20)

    methods = [method(EchoRuntime(), "one"), method(EchoRuntime(), "two")]
    results = list(run([DataSet(tmp_path, pairs, 20)], methods))

    assert len(results) == 20
    assert all(isinstance(result, Measured) for result in results)
    assert pairs.most <= 2


def test_restored_pictures_have_the_depth_of_their_source(folder, load, tmp_path):
    data = sets.open_all([folder])
    images = RestoredImages(tmp_path / "new" / "restored", [folder], ["denoise"])

    results = list(run(data, [method(EchoRuntime())], images=images))

    for result in results:
        path = result.outcomes["denoise"].image
        assert path == tmp_path / "new" / "restored" / f"{result.name}.png"
        saved = load(path)
        assert saved.dtype == (np.uint16 if result.name == "c" else np.uint8)
        np.testing.assert_array_equal(saved, load(folder / "noisy" / path.name))


def test_pictures_of_several_methods_are_kept_apart(folder, load, tmp_path):
    data = sets.open_all([folder], limit=1)
    methods = [method(Brightens(), "runs/a/best.ckpt"), method(EchoRuntime(), "nlm:25")]
    images = RestoredImages(tmp_path / "out", [folder], [each.name for each in methods])
    shown = []

    (result,) = run(data, methods, images=images, show=lambda _, pixels: shown.append(pixels))

    paths = {name: outcome.image for name, outcome in result.outcomes.items()}
    assert paths == {
        "runs/a/best.ckpt": tmp_path / "out" / "runs_a_best.ckpt" / "a.png",
        "nlm:25": tmp_path / "out" / "nlm_25" / "a.png",
    }
    for name, restored in shown[0].restored.items():
        np.testing.assert_array_equal(load(paths[name]), np.rint(restored * 255).astype(np.uint8))


WHITE = np.ones((4, 4, 3), np.float32)
EIGHT_BITS = np.dtype(np.uint8)


def test_pictures_of_several_folders_are_kept_apart(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    images = RestoredImages(tmp_path / "out", [one, two], ["denoise"])

    paths = [images.save(source, "denoise", "a", WHITE, EIGHT_BITS) for source in (one, two)]

    assert paths == [tmp_path / "out" / "one" / "a.png", tmp_path / "out" / "two" / "a.png"]
    with pytest.raises(DataError, match="would share a folder"):
        RestoredImages(tmp_path / "out", [one / "val", two / "val"], ["denoise"])


def test_of_several_folders_and_methods_each_method_has_a_folder_in_that_of_the_data(tmp_path):
    sources = [tmp_path / "one", tmp_path / "two"]
    images = RestoredImages(tmp_path / "out", sources, ["denoise", "nlm"])

    for source in sources:
        for name in ("denoise", "nlm"):
            path = images.save(source, name, "a", WHITE, EIGHT_BITS)
            assert path == tmp_path / "out" / source.name / name / "a.png"


def test_methods_whose_folders_would_be_one_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"a/b, a_b would share a folder: rename a file"):
        RestoredImages(tmp_path / "out", [tmp_path / "data"], ["a/b", "a_b"])
    assert not (tmp_path / "out").exists()


def test_pictures_are_not_saved_among_the_data(tmp_path):
    for target in (tmp_path, tmp_path / "noisy"):
        with pytest.raises(DataError, match="which is measured: save elsewhere"):
            RestoredImages(target, [tmp_path], ["denoise"])


@pytest.mark.parametrize("name", ["../a", "a/b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    images = RestoredImages(tmp_path / "out", [tmp_path / "data"], ["denoise"])

    with pytest.raises(DataError, match="cannot be the name of a picture"):
        images.save(tmp_path / "data", "denoise", name, WHITE, EIGHT_BITS)
