"""SIDD's blocks go into one file, in order, as the benchmark reads it; or there is no file."""

import base64

import numpy as np
import pytest
from mat_files import VARIABLE, write_hdf5, write_sidd
from scipy.io import loadmat, savemat

from mirnet.errors import DataError, InferenceError
from mirnet.evaluation.submission.sidd import SiddSubmission
from mirnet.models.facts import Facts
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


class Darkens:
    """Takes a third, so that every value is rounded."""

    name = "darkens"
    facts = Facts()

    def __call__(self, batch):
        return batch * np.float32(2 / 3)

    def close(self):
        pass


class FailsAtLast(EchoRuntime):
    def __init__(self):
        self.calls = 0

    def __call__(self, batch):
        self.calls += 1
        if self.calls == 6:
            raise InferenceError("out of luck")
        return super().__call__(batch)


@pytest.fixture
def blocks():
    """2 scenes of 3 blocks, higher than wide."""
    return np.random.default_rng(0).integers(0, 256, (2, 3, 32, 16, 3), dtype=np.uint8)


@pytest.fixture
def expected(blocks):
    """What each block becomes, in the order of the file."""
    restorer = Restorer(Darkens())
    floats = blocks.reshape(6, 32, 16, 3).astype(np.float32) / np.float32(255)
    return [np.rint(np.clip(restorer(each), 0, 1) * 255).astype(np.uint8) for each in floats]


def rows(path):
    """Of a .csv file: header, and the fields of each line."""
    header, *lines = path.read_text(encoding="ascii").splitlines()
    return header, [line.split(",") for line in lines]


@pytest.mark.parametrize("version", [5, 7.3])
def test_the_table_holds_each_block_scene_by_scene(tmp_path, blocks, expected, version):
    write_sidd(tmp_path / "SIDD", blocks, version=version)
    submission = SiddSubmission(tmp_path / "SIDD", tmp_path / "out.csv")

    work = submission.write(Restorer(Darkens()))

    header, lines = rows(tmp_path / "out.csv")
    assert header == "ID,BLOCK"
    assert [name for name, _ in lines] == ["0", "1", "2", "3", "4", "5"]
    for (_, text), block in zip(lines, expected, strict=True):
        decoded = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
        np.testing.assert_array_equal(decoded.reshape(32, 16, 3), block)
    assert submission.files == [tmp_path / "out.csv"]
    assert (submission.blocks, work.blocks, work.pixels) == (6, 6, 6 * 32 * 16)


@pytest.mark.parametrize("version", [5, 7.3])
def test_matlab_sees_a_cell_for_each_block(tmp_path, blocks, expected, version):
    write_sidd(tmp_path / "SIDD", blocks, version=version)

    work = SiddSubmission(tmp_path / "SIDD", tmp_path / "out.MAT").write(Restorer(Darkens()))

    content = loadmat(tmp_path / "out.MAT")
    cells = content["DenoisedBlocksSrgb"]
    assert (cells.shape, cells.dtype) == ((2, 3), object)
    for cell, block in zip(cells.ravel(), expected, strict=True):
        assert cell.dtype == np.uint8
        np.testing.assert_array_equal(cell, block)
    assert content["OptionalData"].dtype.names == ("MethodName", "Authors", "PaperTitle", "Venue")
    assert content["OptionalData"]["MethodName"].item() == "mirnet"
    seconds = work.seconds * 1024 * 1024 / (6 * 32 * 16)
    assert content["TimeMPSrgb"].item() == pytest.approx(seconds)


def test_the_time_is_that_of_restoring(tmp_path, blocks, monkeypatch):
    write_sidd(tmp_path / "SIDD", blocks)
    clock = iter(np.arange(12) ** 2.0)  # the steps between beginnings and ends are 1, 5, 9, ...
    monkeypatch.setattr("mirnet.evaluation.submission.work.time.perf_counter", lambda: next(clock))

    work = SiddSubmission(tmp_path / "SIDD", tmp_path / "out.csv").write(Restorer(EchoRuntime()))

    assert work.seconds == 1 + 5 + 9 + 13 + 17 + 21
    assert work.seconds_per_megapixel() == pytest.approx(66 / (6 * 32 * 16 / 1e6))


def test_each_block_is_told_of(tmp_path, blocks):
    write_sidd(tmp_path / "SIDD", blocks)
    told = []

    SiddSubmission(tmp_path / "SIDD", tmp_path / "out.csv").write(
        Restorer(EchoRuntime()), lambda: told.append(1)
    )

    assert len(told) == 6


@pytest.mark.parametrize("name", ["out.csv", "out.mat"])
def test_a_failure_leaves_what_was_there(tmp_path, blocks, name):
    write_sidd(tmp_path / "SIDD", blocks)
    (tmp_path / name).write_text("before")
    submission = SiddSubmission(tmp_path / "SIDD", tmp_path / name)

    with pytest.raises(InferenceError, match="out of luck"):
        submission.write(Restorer(FailsAtLast()))

    assert (tmp_path / name).read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["SIDD", name]


def test_by_default_the_file_has_the_name_that_the_benchmark_gives_it(tmp_path, blocks):
    write_sidd(tmp_path / "SIDD", blocks)

    assert [str(path) for path in SiddSubmission(tmp_path / "SIDD").files] == ["SubmitSrgb.csv"]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("out.zip", r"out\.zip is neither \.csv nor \.mat"),
        ("out", "out is neither"),
        ("folder.csv", r"folder\.csv is a folder"),
        (f"SIDD/../SIDD/{VARIABLE}.mat", "is part of the data set"),
    ],
)
def test_what_cannot_be_the_output_is_refused_at_once(tmp_path, blocks, output, message):
    source = write_sidd(tmp_path / "SIDD", blocks)
    before = source.read_bytes()
    (tmp_path / "folder.csv").mkdir()

    with pytest.raises(DataError, match=message):
        SiddSubmission(tmp_path / "SIDD", tmp_path / output)

    assert source.read_bytes() == before


@pytest.mark.parametrize("version", [5, 7.3])
@pytest.mark.parametrize(
    "harm",
    [
        lambda whole: b"",
        lambda whole: b"no MATLAB at all" * 20,
        lambda whole: whole[:600],
        lambda whole: whole[: len(whole) // 2],
    ],
    ids=["empty", "text", "header", "half"],
)
def test_damaged_files_are_named(tmp_path, blocks, version, harm):
    path = write_sidd(tmp_path / "SIDD", blocks, version=version)
    path.write_bytes(harm(path.read_bytes()))

    with pytest.raises(
        DataError, match=rf"{VARIABLE}\.mat (is not a MATLAB .*, or is damaged|holds no)"
    ):
        SiddSubmission(tmp_path / "SIDD", tmp_path / "out.csv")


@pytest.mark.parametrize("version", [5, 7.3])
@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 3, 32, 16, 3), np.uint16),
        np.zeros((2, 3, 32, 16), np.uint8),
        np.zeros((2, 3, 32, 16, 4), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_other_arrays_are_refused(tmp_path, array, version):
    write_sidd(tmp_path / "SIDD", array, version=version)

    with pytest.raises(DataError) as caught:
        SiddSubmission(tmp_path / "SIDD", tmp_path / "out.csv")

    assert f"holds {array.dtype} {array.shape}: expected scenes, blocks" in str(caught.value)


def test_a_file_with_another_variable_is_refused(tmp_path, blocks):
    path = write_sidd(tmp_path / "SIDD", blocks)
    savemat(path, {"Other": blocks})

    with pytest.raises(DataError, match=f"holds no {VARIABLE}: use SIDD's original file"):
        SiddSubmission(tmp_path / "SIDD", tmp_path / "out.csv")


def test_a_group_of_hdf5_is_no_array(tmp_path):
    path = tmp_path / "SIDD" / f"{VARIABLE}.mat"
    write_hdf5(path, lambda file: file.create_group(VARIABLE))

    with pytest.raises(DataError, match=f"holds no {VARIABLE}"):
        SiddSubmission(tmp_path / "SIDD", tmp_path / "out.csv")
