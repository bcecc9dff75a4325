"""Pairs of all kinds are measured one by one; what fails is reported and the rest goes on."""

import gc
import weakref

import numpy as np
import pytest

from mirnet.errors import DataError, InferenceError
from mirnet.evaluation import sets
from mirnet.evaluation.restored_images import RestoredImages
from mirnet.evaluation.run import Failed, Measured, Summary, run
from mirnet.evaluation.scores import measure
from mirnet.evaluation.sets import DataSet
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


class Brightens:
    """Adds half a level of 8 bits, which rounding may swallow and floats keep."""

    name = "brightens"

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
    results = list(run([data], Restorer(Brightens())))

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
        assert result.restored.psnr == pytest.approx(expected.psnr, abs=1e-4)
        assert result.restored.ssim_volume == pytest.approx(expected.ssim_volume, abs=1e-5)
        assert (result.height, result.width, result.image) == (*noisy.shape[:2], None)
        assert (result.tiles, result.tiles_kept) == (1, 0)
        assert result.seconds > 0
    assert results[0].restored.psnr != results[0].input.psnr
    assert results[0].restored.psnr_8bit == results[0].input.psnr_8bit


def test_one_that_fails_is_reported_and_the_others_are_measured(folder):
    (data,) = sets.open_all([folder])

    results = list(run([data], Restorer(FailsAt(1))))

    assert [type(result) for result in results] == [Measured, Failed, Measured]
    assert results[1] == Failed(folder, "b", "out of luck")
    summary = Summary()
    for result in results:
        summary.add(result)
    assert (summary.pairs, summary.failed) == (2, 1)
    expected = (results[0].restored.psnr + results[2].restored.psnr) / 2
    assert summary.restored.scores.psnr == pytest.approx(expected)
    megapixels = (20 * 30 + 22 * 30) / 1e6
    seconds = results[0].seconds + results[2].seconds
    assert summary.seconds_per_megapixel == pytest.approx(seconds / megapixels)


def test_tiles_that_were_left_alone_are_counted(folder):
    (data,) = sets.open_all([folder], limit=1)

    (result,) = run([data], Restorer(Overflows()))

    assert (result.tiles, result.tiles_kept) == (1, 1)
    assert result.restored == result.input


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

    results = list(run([DataSet(tmp_path, pairs, 20)], Restorer(EchoRuntime())))

    assert len(results) == 20
    assert all(isinstance(result, Measured) for result in results)
    assert pairs.most <= 2


def test_restored_pictures_have_the_depth_of_their_source(folder, load, tmp_path):
    data = sets.open_all([folder])
    images = RestoredImages(tmp_path / "new" / "restored", [folder])

    results = list(run(data, Restorer(EchoRuntime()), images))

    for result in results:
        assert result.image == tmp_path / "new" / "restored" / f"{result.name}.png"
        saved = load(result.image)
        assert saved.dtype == (np.uint16 if result.name == "c" else np.uint8)
        np.testing.assert_array_equal(saved, load(folder / "noisy" / result.image.name))


def test_pictures_of_several_folders_are_kept_apart(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    images = RestoredImages(tmp_path / "out", [one, two])
    picture = np.zeros((4, 4, 3), np.float32)

    paths = [images.save(source, "a", picture, np.dtype(np.uint8)) for source in (one, two)]

    assert paths == [tmp_path / "out" / "one" / "a.png", tmp_path / "out" / "two" / "a.png"]
    with pytest.raises(DataError, match="would share a folder"):
        RestoredImages(tmp_path / "out", [one / "val", two / "val"])


def test_pictures_are_not_saved_among_the_data(tmp_path):
    for target in (tmp_path, tmp_path / "noisy"):
        with pytest.raises(DataError, match="which is measured: save elsewhere"):
            RestoredImages(target, [tmp_path])


@pytest.mark.parametrize("name", ["../a", "a/b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    images = RestoredImages(tmp_path / "out", [tmp_path / "data"])

    with pytest.raises(DataError, match="cannot be the name of a picture"):
        images.save(tmp_path / "data", name, np.zeros((4, 4, 3), np.float32), np.dtype(np.uint8))
