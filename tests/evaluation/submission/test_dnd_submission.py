"""DND's boxes are cut where MATLAB would cut them, and go into one file a picture, or into none."""

import shutil

import h5py
import numpy as np
import pytest
from mat_files import (
    BOXES,
    SIZES,
    write_dnd,
    write_hdf5,
    write_info,
    write_picture,
)
from scipy.io import loadmat, savemat, whosmat

from mirnet.errors import DataError, InferenceError
from mirnet.evaluation.submission.dnd import DndSubmission
from mirnet.models.facts import Facts
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime

DAMAGED = "is not a MATLAB file of version 7.3, or is damaged ("


class Darkens:
    name = "darkens"
    facts = Facts()

    def __call__(self, batch):
        return batch * np.float32(2 / 3)

    def close(self):
        pass


class FailsAt(EchoRuntime):
    def __init__(self, number, error):
        self.left, self.error = number, error

    def __call__(self, batch):
        self.left -= 1
        if not self.left:
            raise self.error
        return super().__call__(batch)


@pytest.fixture
def pictures(tmp_path):
    """Two of them, each with three boxes."""
    return write_dnd(tmp_path / "DND")


def pixel_by_pixel(picture, box):
    """What MATLAB's picture(top:bottom, left:right, :) is."""
    top, left, bottom, right = box
    return np.array(
        [
            [picture[row - 1, column - 1] for column in range(left, right + 1)]
            for row in range(top, bottom + 1)
        ]
    )


def test_matlab_sees_a_cell_for_each_box(tmp_path, pictures):
    submission = DndSubmission(tmp_path / "DND", tmp_path / "out")
    work = submission.write(Restorer(Darkens()))

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0001.mat", "0002.mat"]
    assert submission.files == [tmp_path / "out" / name for name in ("0001.mat", "0002.mat")]
    assert (submission.blocks, work.blocks) == (6, 6)
    restorer = Restorer(Darkens())
    for path, picture, boxes in zip(submission.files, pictures, BOXES, strict=True):
        kinds = {name: (shape, kind) for name, shape, kind in whosmat(path)}
        assert kinds["Idenoised"] == ((1, 3), "cell")
        assert kinds["israw"] == ((1, 1), "logical")
        content = loadmat(path)
        assert content["israw"].item() == 0
        assert content["eval_version"].item() == "1.0"
        for cell, box in zip(content["Idenoised"][0], boxes, strict=True):
            assert cell.dtype == np.float32
            expected = np.clip(restorer(pixel_by_pixel(picture, box)), 0, 1)
            np.testing.assert_array_equal(cell, expected)


def test_pictures_in_double_precision_become_single(tmp_path):
    pictures = write_dnd(tmp_path / "DND", np.float64)
    DndSubmission(tmp_path / "DND", tmp_path / "out").write(Restorer(EchoRuntime()))

    cell = loadmat(tmp_path / "out" / "0001.mat")["Idenoised"][0, 1]
    assert cell.dtype == np.float32
    np.testing.assert_allclose(cell, pixel_by_pixel(pictures[0], BOXES[0][1]), atol=1e-6)


def test_what_is_beyond_the_range_is_clipped(tmp_path):
    write_info(tmp_path / "DND", BOXES[:1])
    picture = np.linspace(-0.5, 1.5, 48 * 56 * 3, dtype=np.float32).reshape(48, 56, 3)
    write_picture(tmp_path / "DND", 1, picture)

    DndSubmission(tmp_path / "DND", tmp_path / "out").write(Restorer(EchoRuntime()))

    cells = loadmat(tmp_path / "out" / "0001.mat")["Idenoised"][0]
    assert min(cell.min() for cell in cells) == 0
    assert max(cell.max() for cell in cells) == 1


def test_a_list_of_boxes_may_lie_the_other_way(tmp_path, pictures):
    with h5py.File(tmp_path / "DND" / "info.mat", "r+") as file:
        table = file["info/boundingboxes"][()]
        del file["info/boundingboxes"]
        file["info"].create_dataset("boundingboxes", data=table.T, dtype=h5py.ref_dtype)

    assert DndSubmission(tmp_path / "DND", tmp_path / "out").blocks == 6


def test_a_second_run_replaces_the_files_of_the_first(tmp_path, pictures):
    for runtime in (EchoRuntime(), Darkens()):
        DndSubmission(tmp_path / "DND", tmp_path / "out").write(Restorer(runtime))

    cell = loadmat(tmp_path / "out" / "0002.mat")["Idenoised"][0, 2]
    expected = pixel_by_pixel(pictures[1], BOXES[1][2]) * np.float32(2 / 3)
    np.testing.assert_allclose(cell, expected, atol=1e-6)


@pytest.mark.parametrize("error", [InferenceError("out of luck"), KeyboardInterrupt()])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path, pictures, error):
    submission = DndSubmission(tmp_path / "DND", tmp_path / "out")

    with pytest.raises(type(error)):
        submission.write(Restorer(FailsAt(5, error)))

    assert [path.name for path in tmp_path.iterdir()] == ["DND"]


def test_a_run_that_is_stopped_leaves_the_files_of_an_earlier_one(tmp_path, pictures):
    submission = DndSubmission(tmp_path / "DND", tmp_path / "out")
    submission.write(Restorer(Darkens()))
    before = {path: path.read_bytes() for path in submission.files}

    with pytest.raises(InferenceError):
        submission.write(Restorer(FailsAt(5, InferenceError("out of luck"))))

    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_by_default_the_folder_has_a_name(tmp_path, pictures):
    files = DndSubmission(tmp_path / "DND").files

    assert [path.as_posix() for path in files] == [
        f"dnd_submission/000{number}.mat" for number in (1, 2)
    ]


def test_what_cannot_be_the_output_is_refused_at_once(tmp_path, pictures):
    (tmp_path / "file").touch()

    with pytest.raises(DataError, match="file is a file: DND's submission is a folder"):
        DndSubmission(tmp_path / "DND", tmp_path / "file")
    with pytest.raises(DataError, match=r"images_srgb/0001\.mat is part of the data set"):
        DndSubmission(tmp_path / "DND", tmp_path / "DND" / "." / "images_srgb")


@pytest.mark.parametrize("name", ["info.mat", "images_srgb/0002.mat"])
@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.unlink(), "is missing: "),
        (lambda path: path.write_bytes(b""), DAMAGED),
        (lambda path: path.write_bytes(path.read_bytes()[:700]), DAMAGED),
        (lambda path: path.write_bytes(path.read_bytes()[:-900]), DAMAGED),
        (lambda path: savemat(path, {"info": 1, "InoisySRGB": 1}), DAMAGED),
        (lambda path: write_hdf5(path, lambda file: None), "holds no "),
    ],
    ids=["missing", "empty", "header", "truncated", "version 5", "nothing in it"],
)
def test_files_that_cannot_be_used_are_named(tmp_path, pictures, name, harm, message):
    harm(tmp_path / "DND" / name)

    with pytest.raises(DataError) as caught:
        DndSubmission(tmp_path / "DND", tmp_path / "out")

    assert str(caught.value).startswith(f"{tmp_path / 'DND' / name} {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "box",
    [
        [0, 1, 32, 32],
        [1, 0, 32, 32],
        [18, 1, 49, 32],
        [1, 26, 32, 57],
        [32, 1, 1, 32],
        [1, 32, 32, 1],
        [1.5, 1, 32, 32],
        [np.nan, 1, 32, 32],
    ],
    ids=str,
)
def test_boxes_that_are_none_of_the_picture_are_refused(tmp_path, pictures, box):
    write_info(tmp_path / "DND", [[BOXES[0][0], box], BOXES[1]])

    with pytest.raises(DataError, match=r"info\.mat: box 2 of 0001\.mat, .*none of its 48 x 56"):
        DndSubmission(tmp_path / "DND", tmp_path / "out")


def test_a_box_may_be_the_whole_picture(tmp_path, pictures):
    write_info(tmp_path / "DND", [[[1, 1, *size]] for size in SIZES])
    DndSubmission(tmp_path / "DND", tmp_path / "out").write(Restorer(EchoRuntime()))

    for number, picture in enumerate(pictures, 1):
        (cell,) = loadmat(tmp_path / "out" / f"000{number}.mat")["Idenoised"][0]
        np.testing.assert_allclose(cell, picture, atol=1e-6)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([], "lists no pictures"),
        ([np.ones((3, 5)), BOXES[1]], r"holds boxes \(3, 5\) of picture 1"),
        ([BOXES[0], np.ones((0, 4))], r"holds boxes \(0, 4\) of picture 2"),
        ([BOXES[0], BOXES[1], BOXES[1]], r"0003\.mat is missing: info\.mat lists 3 pictures"),
    ],
)
def test_other_lists_of_boxes_are_refused(tmp_path, pictures, boxes, message):
    write_info(tmp_path / "DND", boxes)

    with pytest.raises(DataError, match=message):
        DndSubmission(tmp_path / "DND", tmp_path / "out")


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((48, 56, 3), np.uint8), r"holds uint8 \(48, 56, 3\): expected height, width, 3"),
        (np.zeros((48, 56, 4), np.float32), r"holds float32 \(48, 56, 4\): expected"),
        (np.zeros((3, 48, 56), np.float32), r"holds float32 \(3, 48, 56\): expected"),
    ],
)
def test_other_pictures_are_refused(tmp_path, pictures, picture, message):
    write_picture(tmp_path / "DND", 1, picture)

    with pytest.raises(DataError, match=message):
        DndSubmission(tmp_path / "DND", tmp_path / "out")


def test_raw_pictures_are_told_apart(tmp_path, pictures):
    write_picture(tmp_path / "DND", 2, pictures[1], name="Inoisy")

    with pytest.raises(DataError, match="holds no InoisySRGB: take DND's sRGB files"):
        DndSubmission(tmp_path / "DND", tmp_path / "out")


def test_pixels_that_are_no_numbers_stop_the_run(tmp_path, pictures):
    pictures[1][20, 20, 1] = np.nan
    write_picture(tmp_path / "DND", 2, pictures[1])
    submission = DndSubmission(tmp_path / "DND", tmp_path / "out")

    with pytest.raises(DataError, match=r"0002\.mat contains NaN or infinite pixels"):
        submission.write(Restorer(EchoRuntime()))

    assert not (tmp_path / "out").exists()


def test_pixels_that_cannot_be_decompressed_stop_the_run(tmp_path, pictures):
    path = tmp_path / "DND" / "images_srgb" / "0002.mat"
    with h5py.File(path) as file:
        chunks = [file["InoisySRGB"].id.get_chunk_info(k) for k in range(9)]
        places = [512 + chunk.byte_offset for chunk in chunks]  # after MATLAB's header
    whole = bytearray(path.read_bytes())
    for place in places:
        whole[place : place + 40] = bytes(40)
    path.write_bytes(whole)
    submission = DndSubmission(tmp_path / "DND", tmp_path / "out")

    with pytest.raises(DataError, match=r"0002\.mat is not a MATLAB .* or is damaged"):
        submission.write(Restorer(EchoRuntime()))

    assert not (tmp_path / "out").exists()


def test_pictures_that_info_does_not_tell_of_are_left_alone(tmp_path, pictures):
    folder = tmp_path / "DND" / "images_srgb"
    shutil.copy(folder / "0002.mat", folder / "0003.mat")

    assert len(DndSubmission(tmp_path / "DND", tmp_path / "out").files) == 2
