"""The link `data`: pictures are drawn and cut, always alike; what gets mixed up is noticed."""

import shutil

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from skimage.restoration import denoise_tv_chambolle

from mirnet import metrics
from mirnet.chain import preparing
from mirnet.chain.parts import Status, run
from mirnet.errors import ImageError
from mirnet.pairs import sources
from mirnet.patches import sidd
from mirnet.patches.windows import RandomWindows
from mirnet.pictures import codec

SCHEME = RandomWindows(patch=24, per_image=3, seed=1)


@pytest.fixture
def source(tmp_path):
    """Two pairs under the names of SIDD."""
    preparing.draw_sidd(tmp_path / "sidd", range(1, 3), 40, 56)
    return tmp_path / "sidd"


def done(parts):
    """Results by the parts' names."""
    return {result.part: result for result in run(parts)}


def found(result):
    return {check.name: check.figure for check in result.checks}


def place(patch, picture):
    """Where a patch lies in a picture: the one place where all of its pixels are the same."""
    windows = sliding_window_view(picture, patch.shape)[:, :, 0]
    (where,) = np.argwhere((windows == patch).all((2, 3, 4)))
    return tuple(where)


def test_drawn_pictures_become_patches_and_shards(tmp_path):
    results = done(preparing.drawn(tmp_path))

    assert list(results) == ["pictures", "patches", "shards", "held out"]
    assert {result.status for result in results.values()} == {Status.PASSED}
    assert found(results["pictures"]) == {"pairs": 16}
    assert found(results["patches"]) == found(results["shards"]) == {"pairs": 96, "cut alike": 96}
    assert found(results["held out"]) == {"pairs": 4, "cut alike": 4}
    packed, held_out = (sources.open(tmp_path / name) for name in ("packed", "held_out"))
    assert (len(packed), len(held_out)) == (96, 4)
    packed.check(96)
    held_out.check(128)


def test_both_halves_of_a_shard_come_from_one_place_of_their_picture(source, tmp_path):
    results = done(preparing.from_sidd(source, tmp_path / "data", SCHEME))

    assert found(results["shards"]) == {"pairs": 6, "cut alike": 6}
    packed = sources.open(tmp_path / "data" / "packed")
    pictures = sidd.find(source)
    for index in range(len(packed)):
        pair = pictures[packed.name(index).rpartition("_")[0]]
        noisy, clean = packed.whole(index)
        top, left = place(noisy, codec.read(pair.noisy))
        expected = codec.read(pair.clean)[top : top + 24, left : left + 24]
        np.testing.assert_array_equal(clean, expected)


def test_patches_that_were_swapped_or_changed_are_not_alike(source, tmp_path):
    done(preparing.from_sidd(source, tmp_path / "data", SCHEME))
    patches = tmp_path / "data" / "patches"
    first, second, third, *_ = sorted((patches / "groundtruth").iterdir())
    assert preparing.matching(sources.open(patches), source, SCHEME) == 6

    shutil.copy(first, tmp_path / "kept.png")
    shutil.copy(second, first)
    shutil.copy(tmp_path / "kept.png", second)
    assert preparing.matching(sources.open(patches), source, SCHEME) == 4

    shutil.copy(first, third)
    assert preparing.matching(sources.open(patches), source, SCHEME) == 3


def test_a_damaged_picture_breaks_the_link(source, tmp_path):
    path = next(source.rglob("*GT*.PNG"))
    path.write_bytes(path.read_bytes()[:300])

    results = done(preparing.from_sidd(source, tmp_path / "data", SCHEME))

    assert [result.status.value for result in results.values()] == ["failed", "skipped"]
    assert path.name in results["patches"].reason


def test_given_pairs_are_looked_at(tmp_path, save):
    for half in ("noisy", "clean"):
        for name in "ab":
            save(tmp_path / "mine" / half / f"{name}.png")

    (result,) = run(preparing.given(tmp_path / "mine"))

    assert (result.status, found(result)) == (Status.PASSED, {"pairs": 2})


def test_given_pairs_that_cannot_be_read_break_the_link(tmp_path, save):
    save(tmp_path / "mine" / "noisy" / "a.png")
    (tmp_path / "mine" / "clean").mkdir()
    (tmp_path / "mine" / "clean" / "a.png").write_bytes(b"no picture")
    (part,) = preparing.given(tmp_path / "mine")

    with pytest.raises(ImageError, match=r"a\.png"):
        part.work()


def test_a_picture_depends_on_its_number_and_size_alone():
    first = preparing.draw(3, 64, 80)
    preparing.draw(4, 64, 80)

    assert (first.shape, first.dtype) == ((64, 80, 3), np.uint8)
    np.testing.assert_array_equal(preparing.draw(3, 64, 80), first)


def test_pictures_of_other_numbers_are_others():
    pictures = [preparing.draw(number, 32, 32).tobytes() for number in range(5)]

    assert len(set(pictures)) == 5


def test_noise_depends_on_the_seed_alone():
    scene = preparing.draw(1, 32, 48)
    noisy, clean = preparing.photograph(scene, 5)
    again, _ = preparing.photograph(scene, 5)
    other, _ = preparing.photograph(scene, 6)

    assert noisy.shape == clean.shape == scene.shape
    np.testing.assert_array_equal(noisy, again)
    assert (noisy != other).any()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_picture_has_the_spectrum_of_photographs(number):
    """Their power falls with about the square of the frequency (Field 1987); that of noise not."""
    grey = preparing.draw(number, 256, 256).mean(2)
    window = np.hanning(256)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * np.outer(window, window))) ** 2
    down, across = np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256))
    frequency = np.hypot(down, across)
    bands = np.geomspace(0.02, 0.4, 12)
    which = np.digitize(frequency, bands)
    means = [power[which == band].mean() for band in range(1, 12)]
    slope, _ = np.polyfit(np.log(bands[1:]), np.log(means), 1)

    assert -3.5 < slope < -1.5


def test_the_noise_can_be_taken_away_by_a_method_that_knows_nothing_of_it():
    gains = []
    for number in range(1, 13):
        noisy, clean = preparing.photograph(preparing.draw(number, 96, 128), number)
        restored = denoise_tv_chambolle(noisy, weight=0.2, channel_axis=2) * 255
        before, after = (
            metrics.psnr(np.rint(image).astype(np.uint8), clean, data_range=255)
            for image in (noisy, restored)
        )
        gains.append(after - before)

    assert np.mean(gains) > 1


def test_pairs_lie_as_those_of_sidd_do(tmp_path):
    preparing.draw_sidd(tmp_path, range(7, 9), 40, 56)

    pairs = sidd.find(tmp_path)
    assert list(pairs) == [f"{number:04}_001_S6_00100_00060_3200_L_010" for number in (7, 8)]
    for number, pair in zip((7, 8), pairs.values(), strict=True):
        expected = preparing.photograph(preparing.draw(number, 40, 56), number)
        for path, pixels in zip((pair.noisy, pair.clean), expected, strict=True):
            np.testing.assert_array_equal(codec.read(path), pixels)


@pytest.mark.parametrize(
    ("count", "learnt", "held_out"),
    [
        (2, ["000000"], ["000001"]),
        (5, ["000000", "000001", "000002"], ["000003", "000004"]),
        (11, [f"{index:06}" for index in range(4)], [f"{index:06}" for index in range(7, 11)]),
    ],
)
def test_real_pairs_are_parted_and_their_middles_taken(tmp_path, save, count, learnt, held_out):
    expected = {}
    for index in range(count):
        for half, seed in (("noisy", 0), ("clean", 100)):
            pixels = preparing.draw(index + seed, 132, 100)
            save(tmp_path / "mine" / half / f"{index:02}.png", pixels=pixels)
            expected[f"{index:06}", half] = pixels[2:130]

    (result,) = run(preparing.split(tmp_path / "mine", tmp_path / "data"))

    assert (result.status, found(result)) == (
        Status.PASSED,
        {"cut alike": len(learnt) + len(held_out)},
    )
    for folder, names in (("learnt", learnt), ("held_out", held_out)):
        pairs = sources.open(tmp_path / "data" / folder)
        assert [pairs.name(index) for index in range(len(pairs))] == names
        for index, name in enumerate(names):
            noisy, clean = pairs.whole(index)
            np.testing.assert_array_equal(noisy, expected[name, "noisy"])
            np.testing.assert_array_equal(clean, expected[name, "clean"])
