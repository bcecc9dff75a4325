"""Patches from picture files are what the files hold, and what is no pair is refused by name."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from mirnet.errors import DataError, ImageError
from mirnet.pairs import pair_folder, sources
from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.pairs import Pairs

SIZES = {"a": (21, 34), "b": (40, 40), "c": (16, 90)}
PLACES = st.floats(0, 1, exclude_max=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, save, picture):
    """Pairs of odd sizes: 16 bits of both, 8 bits of both, one of each."""
    top = tmp_path_factory.mktemp("pairs")
    depths = {"a": (np.uint16, np.uint16), "b": (np.uint8, np.uint8), "c": (np.uint8, np.uint16)}
    for seed, (name, size) in enumerate(SIZES.items()):
        for half, dtype in zip(("noisy", "clean"), depths[name], strict=True):
            pixels = picture(*size, dtype=dtype, seed=2 * seed + (half == "clean"))
            save(top / half / f"{name}.png", pixels=pixels)
    return top


def test_it_is_a_source_of_pairs(folder):
    source = sources.open(folder)

    assert isinstance(source, PairFolder)
    assert isinstance(source, Pairs)
    assert [source.name(index) for index in range(len(source))] == ["a", "b", "c"]


def test_a_whole_pair_is_what_the_files_hold(folder, load):
    source = PairFolder(folder)
    for index, name in enumerate(SIZES):
        for half, pixels in zip(("noisy", "clean"), source.whole(index), strict=True):
            expected = load(folder / half / f"{name}.png")
            np.testing.assert_array_equal(pixels, expected)
            assert pixels.dtype == expected.dtype
            assert pixels.flags.writeable
            assert pixels.flags.c_contiguous


@given(st.integers(0, 2), st.integers(1, 16), PLACES, PLACES)
def test_a_patch_is_the_window_of_both_halves(folder, index, side, top, left):
    source = PairFolder(folder)
    halves = source.crop(index, side, (top, left))

    height, width = SIZES[source.name(index)]
    row, column = int(top * (height - side + 1)), int(left * (width - side + 1))
    for patch, whole in zip(halves, source.whole(index), strict=True):
        np.testing.assert_array_equal(patch, whole[row : row + side, column : column + side])
        assert patch.dtype == whole.dtype
        assert patch.flags.writeable
        assert patch.flags.c_contiguous


def test_the_last_row_and_column_are_reached(folder):
    source = PairFolder(folder)
    noisy, _ = source.crop(0, 16, (1 - 1e-9, 1 - 1e-9))

    np.testing.assert_array_equal(noisy, source.whole(0)[0][-16:, -16:])


def test_a_picture_stands_upright_and_without_its_alpha(tmp_path, save, picture):
    save(tmp_path / "lq" / "a.png", pixels=picture(9, 12, 4))
    turned = pyvips.Image.new_from_array(picture(12, 9)).copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", 6)
    (tmp_path / "gt").mkdir()
    turned.write_to_file(str(tmp_path / "gt" / "a.tif"))

    noisy, clean = PairFolder(tmp_path).crop(0, 9, (0.0, 0.999))

    np.testing.assert_array_equal(noisy, picture(9, 12, 4)[:, 3:, :3])
    np.testing.assert_array_equal(clean, np.rot90(picture(12, 9), -1)[:, 3:])


def every_call(source, side):
    """All that opens the first pair."""
    return (
        lambda: source.check(side),
        lambda: source.whole(0),
        lambda: source.crop(0, side, (0.0, 0.0)),
    )


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [
        (np.zeros((8, 8, 1), np.uint8), "uint8, grey"),
        (np.zeros((8, 8, 3), np.float32), "float32, RGB"),
    ],
)
def test_grey_and_float_pictures_are_refused(tmp_path, save, pixels, kind):
    save(tmp_path / "input" / "a.tif", 8, 8)
    save(tmp_path / "target" / "a.tif", pixels=pixels)
    source = PairFolder(tmp_path)

    for ask in every_call(source, 8):
        with pytest.raises(DataError, match=rf"target/a.tif: pairs are RGB of .*, this is {kind}$"):
            ask()


def test_halves_of_other_sizes_are_refused_when_they_are_met(tmp_path, save):
    save(tmp_path / "input" / "a.png", 8, 9)
    save(tmp_path / "target" / "a.png", 9, 8)
    source = PairFolder(tmp_path)

    for ask in every_call(source, 4):
        with pytest.raises(DataError, match=r"input/a.png and .* differ in size: 8x9 and 9x8$"):
            ask()


def test_what_is_too_small_is_found_early(folder):
    source = PairFolder(folder)
    source.check(16)

    with pytest.raises(DataError, match=r"c.png: a patch of 17 does not fit into .* of 16x90$"):
        source.check(17)
    with pytest.raises(DataError, match=r"c.png: a patch of 17 does not fit into .* of 16x90$"):
        source.crop(2, 17, (0.0, 0.0))


def test_the_check_reads_a_sample_only(folder, monkeypatch):
    monkeypatch.setattr(pair_folder, "SAMPLE", 2)

    PairFolder(folder).check(21)


def test_a_damaged_picture_is_named(tmp_path, save):
    save(tmp_path / "low" / "a.png", 64, 64)
    damaged = save(tmp_path / "high" / "a.png", 64, 64)
    damaged.write_bytes(damaged.read_bytes()[:-3000])

    with pytest.raises(ImageError, match=r"high/a.png"):
        PairFolder(tmp_path).crop(0, 64, (0.0, 0.0))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_cut_the_same_patches(folder, method):
    source = PairFolder(folder)
    here = [source.crop(index, 16, (0.4, 0.6)) for index in range(3)]

    with ProcessPoolExecutor(2, get_context(method)) as workers:
        there = list(workers.map(source.crop, range(3), [16] * 3, [(0.4, 0.6)] * 3, timeout=120))

    np.testing.assert_equal(there, here)


def test_what_is_pickled_are_names(folder):
    assert len(pickle.dumps(PairFolder(folder))) < 2000
