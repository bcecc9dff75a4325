"""SIDD's blocks come scene by scene, as MATLAB's files hold them; what is no such file is named."""

import shutil
from functools import partial

import h5py
import numpy as np
import pytest
from mat_files import write_hdf5
from scipy.io import savemat

from mirnet.errors import DataError
from mirnet.evaluation import sidd_blocks
from mirnet.evaluation.sets import WholePairs
from mirnet.evaluation.sidd_blocks import SiddBlocks

NOISY, CLEAN = "ValidationNoisyBlocksSrgb", "ValidationGtBlocksSrgb"


def write(folder, variable, blocks, **options):
    folder.mkdir(exist_ok=True)
    path = folder / f"{variable}.mat"
    savemat(path, {variable: blocks}, **options)
    return path


@pytest.fixture
def blocks():
    """Noisy and clean: 2 scenes of 3 blocks, every value its own but for the wrap."""
    noisy = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 16, 3), dtype=np.uint8)
    return noisy, np.roll(noisy, 1)


@pytest.fixture
def folder(tmp_path, blocks):
    for variable, half in zip((NOISY, CLEAN), blocks, strict=True):
        write(tmp_path / "SIDD", variable, half, do_compression=True)
    return tmp_path / "SIDD"


def test_blocks_come_scene_by_scene(folder, blocks):
    pairs = SiddBlocks(folder)

    assert isinstance(pairs, WholePairs)
    assert len(pairs) == 6
    names = ["0001_01", "0001_02", "0001_03", "0002_01", "0002_02", "0002_03"]
    assert [pairs.name(index) for index in range(6)] == names
    for index in range(6):
        for got, half in zip(pairs.whole(index), blocks, strict=True):
            np.testing.assert_array_equal(got, half[index // 3, index % 3])
            assert got.flags.c_contiguous
            assert got.flags.writeable


def test_files_of_version_7_3_hold_the_same(folder, blocks):
    for variable, half in zip((NOISY, CLEAN), blocks, strict=True):
        fill = partial(h5py.Group.create_dataset, name=variable, data=half.T)
        write_hdf5(folder / f"{variable}.mat", fill)
    pairs = SiddBlocks(folder)

    for index in range(6):
        for got, half in zip(pairs.whole(index), blocks, strict=True):
            np.testing.assert_array_equal(got, half[index // 3, index % 3])


def test_what_is_returned_is_the_caller_s_own(folder, blocks):
    pairs = SiddBlocks(folder)
    pairs.whole(4)[0][:] = 0

    np.testing.assert_array_equal(pairs.whole(4)[0], blocks[0][1, 1])


def test_there_is_no_seventh_of_six(folder):
    pairs = SiddBlocks(folder)

    with pytest.raises(IndexError):
        pairs.whole(6)


@pytest.mark.parametrize("variable", [NOISY, CLEAN])
def test_a_missing_file_is_named(folder, variable):
    (folder / f"{variable}.mat").unlink()

    assert sidd_blocks.is_there(folder)
    with pytest.raises(DataError, match=rf"{variable}.mat is missing: .* two files"):
        SiddBlocks(folder)


def test_other_folders_are_not_taken_for_sidd(tmp_path):
    assert not sidd_blocks.is_there(tmp_path)
    assert not sidd_blocks.is_there(tmp_path / "gone")


@pytest.mark.parametrize(
    "harm",
    [
        lambda whole: b"",
        lambda whole: b"no MATLAB at all" * 20,
        lambda whole: whole[:100],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:400] + bytes(200) + whole[600:],
    ],
    ids=["empty", "text", "header", "half", "zeros"],
)
def test_damaged_files_are_named(folder, harm):
    path = folder / f"{CLEAN}.mat"
    path.write_bytes(harm(path.read_bytes()))

    with pytest.raises(DataError, match=r"ValidationGtBlocksSrgb\.mat .*damaged|holds no Valid"):
        SiddBlocks(folder)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3, 32, 16, 3), np.uint16), r"holds uint16 \(2, 3, 32, 16, 3\): expected"),
        (np.zeros((2, 3, 32, 16), np.uint8), r"holds uint8 \(2, 3, 32, 16\): expected scenes"),
        (np.zeros((2, 3, 32, 16, 4), np.uint8), r"expected scenes, blocks, height, width, 3"),
        (np.zeros((0, 3, 32, 16, 3), np.uint8), r"expected scenes"),
        (np.zeros((1, 3, 32, 16, 3), np.uint8), r"have different shapes, \(2, 3, .* and \(1, 3, "),
    ],
)
def test_other_arrays_are_refused(folder, array, message):
    write(folder, CLEAN, array)

    with pytest.raises(DataError, match=message):
        SiddBlocks(folder)


def test_a_file_under_the_other_s_name_is_refused(folder):
    shutil.copy(folder / f"{NOISY}.mat", folder / f"{CLEAN}.mat")

    with pytest.raises(DataError, match="holds no ValidationGtBlocksSrgb"):
        SiddBlocks(folder)


SCRIPT = """
import sys
from pathlib import Path
from mirnet.evaluation.sidd_blocks import SiddBlocks
SiddBlocks(Path(sys.argv[1]))
"""


def test_without_scipy_it_says_what_to_install(python, folder):
    done = python(SCRIPT, folder, without=["scipy"])

    assert done.stderr.splitlines()[-1] == (
        "mirnet.errors.RuntimeMissingError: reading ValidationNoisyBlocksSrgb.mat needs scipy: "
        'pip install "mirnet[evaluate]"'
    )
