"""What a run writes down is whole at any moment, and goes on where the run goes on."""

import doctest
import math
import signal
import struct
import time
from contextlib import contextmanager

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from mirnet.errors import DataError, RecipeError
from mirnet.training import logs, table

BOTH = ["tensorboard", "visualdl"]


@given(st.integers(1, 20_000))
def test_a_run_of_any_length_has_a_curve(steps):
    due = [step for step in range(1, steps + 1) if logs.is_due(step)]

    assert len(due) >= min(steps, 50)
    assert [step for step in due if step >= 2500] == list(range(2500, steps + 1, 50))
    assert len(due) <= 300 + steps / 50


def read_tensorboard(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "logs"), size_guidance={"scalars": 0, "images": 0})
    return events.Reload()


def tensorboard_points(folder, name):
    return [(point.step, point.value) for point in read_tensorboard(folder).Scalars(name)]


def tensorboard_pictures(folder, name):
    images = read_tensorboard(folder).Images(name)
    return [(image.step, decode(image.encoded_image_string)) for image in images]


def read_visualdl(folder):
    visualdl = pytest.importorskip("visualdl", reason='needs pip install "mirnet[visualdl]"')
    (path,) = (folder / "logs").glob("*vdlrecords*")
    return visualdl.LogReader(file_path=str(path))


def visualdl_points(folder, name):
    return [(point.id, point.value) for point in read_visualdl(folder).get_data("scalar", name)]


def visualdl_pictures(folder, name):
    images = read_visualdl(folder).get_data("image", name)
    return [(image.id, decode(image.image.encoded_image_string)) for image in images]


READERS = {
    "tensorboard": (tensorboard_points, tensorboard_pictures),
    "visualdl": (visualdl_points, visualdl_pictures),
}


def decode(png):
    return pyvips.Image.new_from_buffer(png, "").numpy()


def rows(folder):
    return [(row.step, row.values) for row in table.read(folder / "metrics.csv")]


@pytest.fixture(params=BOTH)
def viewer(request):
    pytest.importorskip(request.param, reason=f'needs pip install "mirnet[{request.param}]"')
    return request.param


def test_the_table_has_a_row_a_step_and_empty_cells(tmp_path):
    with logs.open(tmp_path, viewers=[], step=0) as diary:
        diary.scalars(50, loss=0.5, lr=1e-4)
        diary.scalars(100, loss=0.25, lr=1e-4)
        diary.scalars(100, psnr=30.5)
        diary.scalars(150, lr=2e-4, loss=0.125)

    assert (tmp_path / "metrics.csv").read_bytes() == (
        b"step,loss,lr,psnr\n50,0.5,0.0001,\n100,0.25,0.0001,30.5\n150,0.125,0.0002,\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.floats(allow_nan=False)), max_size=8))
def test_values_come_back_as_they_were(tmp_path_factory, measured):
    folder = tmp_path_factory.mktemp("run")
    with logs.open(folder, viewers=[], step=0) as diary:
        for step, values in enumerate(measured):
            diary.scalars(step, **values)

    found = rows(folder) if measured else []

    assert found == list(enumerate(measured))


@given(st.data())
def test_a_table_cut_off_anywhere_goes_on_from_its_last_whole_row(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("run")
    with logs.open(folder, viewers=[], step=0) as diary:
        for step in range(1, 9):
            diary.scalars(step, loss=step / 7, lr=0.1)
    path = folder / "metrics.csv"
    whole, written = path.read_bytes(), rows(folder)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    left = len(path.read_bytes().splitlines(keepends=True)) - 1
    resumed = data.draw(st.integers(0, 9))

    kept = [row for row in rows(folder) if row[0] <= resumed]
    assert left - 1 <= len(rows(folder)) <= max(left, 0)
    with logs.open(folder, viewers=[], step=resumed) as diary:
        diary.scalars(resumed + 1, loss=0.5, lr=0.1)

    assert kept == written[: len(kept)]
    assert rows(folder) == [*kept, (resumed + 1, {"loss": 0.5, "lr": 0.1})]


def test_a_column_that_comes_late_leaves_earlier_cells_empty(tmp_path):
    with logs.open(tmp_path, viewers=[], step=0) as diary:
        diary.scalars(1, loss=0.5)
    with logs.open(tmp_path, viewers=[], step=1) as diary:
        diary.scalars(2, loss=0.25, norm=3.0)

    assert (tmp_path / "metrics.csv").read_text() == "step,loss,norm\n1,0.5,\n2,0.25,3.0\n"


def test_a_table_that_cannot_be_replaced_stays_as_it_was(tmp_path, monkeypatch):
    diary = logs.open(tmp_path, viewers=[], step=0)
    diary.scalars(1, loss=0.5)
    before = (tmp_path / "metrics.csv").read_bytes()

    def refuse(*_):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refuse)
        with pytest.raises(OSError, match="no space left"):
            diary.scalars(1, psnr=30.0)

    assert (tmp_path / "metrics.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("loss,lr\n", 1),
        ("step,loss\n1,0.5\n2\n3,1\n", 3),
        ("step,a\n1,x\n", 2),
        ("step,a\n\n1,2\n", 2),
    ],
)
def test_a_damaged_table_is_named_with_its_line(tmp_path, text, line):
    (tmp_path / "metrics.csv").write_text(text)

    with pytest.raises(DataError, match=rf"metrics\.csv is damaged in line {line}: mend it"):
        logs.open(tmp_path, viewers=[], step=3)
    assert (tmp_path / "metrics.csv").read_text() == text


def test_viewers_read_steps_values_and_pictures(tmp_path, viewer, picture):
    points, pictures = READERS[viewer]
    first, second = picture(12, 20, seed=1), picture(12, 20, seed=2)
    with logs.open(tmp_path, viewers=[viewer], step=0) as diary:
        for step in range(10, 50, 10):
            diary.scalars(step, loss=1 / step)
        diary.scalars(40, psnr=30.5)
        diary.pictures(20, "night 100%", first)
        diary.pictures(40, "night 100%", second)

    loss = points(tmp_path, "training/loss")
    name = "validation/night 100" + {"tensorboard": "%", "visualdl": "_"}[viewer]
    seen = pictures(tmp_path, name)

    assert [step for step, _ in loss] == [10, 20, 30, 40]
    assert [value for _, value in loss] == pytest.approx([1 / 10, 1 / 20, 1 / 30, 1 / 40])
    assert points(tmp_path, "validation/psnr") == [(40, 30.5)]
    assert [step for step, _ in seen] == [20, 40]
    for (_, shown), given_ in zip(seen, (first, second), strict=True):
        np.testing.assert_array_equal(shown, given_)


def test_what_was_logged_beyond_the_resumed_step_disappears(tmp_path, viewer):
    points, pictures = READERS[viewer]
    image = np.zeros((4, 4, 3), np.uint8)
    for start, end in ((0, 5), (3, 6)):
        # TensorBoard sorts the files of one second by their number as text: 10 comes before 9
        time.sleep(1 if start else 0)
        with logs.open(tmp_path, viewers=[viewer], step=start) as diary:
            for step in range(start + 1, end + 1):
                diary.scalars(step, loss=10.0 * start + step)
                diary.pictures(step, "a", image)

    expected = [(1, 1.0), (2, 2.0), (3, 3.0), (4, 34.0), (5, 35.0), (6, 36.0)]
    assert [(step, values["loss"]) for step, values in rows(tmp_path)] == expected
    assert points(tmp_path, "training/loss") == expected
    assert [step for step, _ in pictures(tmp_path, "validation/a")] == [1, 2, 3, 4, 5, 6]


def test_a_killed_run_leaves_all_that_it_logged(tmp_path, viewer, python):
    script = """
import os, signal, sys
from pathlib import Path
from mirnet.training import logs
diary = logs.open(Path(sys.argv[1]), viewers=[sys.argv[2]], step=0)
for step in (1, 2, 3):
    diary.scalars(step, loss=0.5)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert python(script, tmp_path, viewer).returncode == -signal.SIGKILL

    assert [step for step, _ in rows(tmp_path)] == [1, 2, 3]
    assert READERS[viewer][0](tmp_path, "training/loss") == [(1, 0.5), (2, 0.5), (3, 0.5)]


@contextmanager
def disk_for(size):
    """Files of this process take so many bytes, as if the disk were full then."""
    resource = pytest.importorskip("resource", reason="POSIX only")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_by_tensorboard_and_leaves_whole_records(tmp_path, capfd):
    tensorboard = pytest.importorskip("mirnet.training.tensorboard")
    writer = tensorboard.TensorBoard(tmp_path / "logs", 0)
    writer.scalars(1, {"loss": 0.5})
    (path,) = (tmp_path / "logs").iterdir()
    size = path.stat().st_size
    for free in (0, 5, 30):
        with disk_for(size + free), pytest.raises(OSError, match="File too large"):
            writer.scalars(2, {"loss": 0.25})
        assert path.stat().st_size == size
    writer.scalars(3, {"loss": 0.125})
    with disk_for(10), pytest.raises(OSError, match="File too large"):
        tensorboard.TensorBoard(tmp_path / "new", 0)

    assert tensorboard_points(tmp_path, "loss") == [(1, 0.5), (3, 0.125)]
    assert list((tmp_path / "new").iterdir()) == []
    assert capfd.readouterr().err == ""


def test_a_record_of_visualdl_that_is_half_written_is_dropped(tmp_path, capsys):
    pytest.importorskip("visualdl", reason='needs pip install "mirnet[visualdl]"')
    with logs.open(tmp_path, viewers=["visualdl"], step=0) as diary:
        diary.scalars(1, loss=0.5)
    with (tmp_path / "logs" / "vdlrecords.log").open("ab") as file:
        file.write(struct.pack("<Q", 30) + b"half")
    with logs.open(tmp_path, viewers=["visualdl"], step=1) as diary:
        diary.scalars(2, loss=0.25)

    assert visualdl_points(tmp_path, "training/loss") == [(1, 0.5), (2, 0.25)]
    assert capsys.readouterr().out == ""


def test_values_that_are_not_finite_are_kept(tmp_path, viewer):
    with logs.open(tmp_path, viewers=[viewer], step=0) as diary:
        diary.scalars(1, loss=math.nan)
        diary.scalars(2, loss=math.inf)

    nan, inf = READERS[viewer][0](tmp_path, "training/loss")
    assert (tmp_path / "metrics.csv").read_text() == "step,loss\n1,nan\n2,inf\n"
    assert math.isnan(nan[1])
    assert inf == (2, math.inf)
    assert math.isnan(rows(tmp_path)[0][1]["loss"])


def test_the_other_processes_of_a_run_write_nothing(tmp_path):
    with logs.open(tmp_path, viewers=None, step=0) as diary:
        diary.scalars(1, loss=0.5)
        diary.pictures(1, "a", np.zeros((4, 4, 3), np.uint8))

    assert list(tmp_path.iterdir()) == []


def test_an_unknown_viewer_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(RecipeError, match=r"no viewer 'wandb': choose tensorboard, visualdl$"):
        logs.open(tmp_path, viewers=["wandb"], step=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "extra"), [("tensorboard", "train"), ("visualdl", "visualdl")])
def test_a_viewer_that_is_missing_is_named_with_what_to_install(tmp_path, python, name, extra):
    script = """
import sys
from pathlib import Path
from mirnet.errors import RuntimeMissingError
from mirnet.training import logs
try:
    logs.open(Path(sys.argv[1]), viewers=[sys.argv[2]], step=0)
except RuntimeMissingError as error:
    print(error)
"""
    done = python(script, tmp_path, name, without=[name])

    assert done.stdout == f'the viewer {name} is not installed: pip install "mirnet[{extra}]"\n'
    assert list(tmp_path.iterdir()) == []


HEAVY = "{'torch', 'matplotlib', 'tensorboard', 'visualdl', 'pandas'}"


def test_viewers_are_imported_only_when_they_are_written_for(tmp_path, python):
    script = f"""
import sys
from pathlib import Path
from mirnet.training import curves, logs, summary
logs.open(Path(sys.argv[1]), viewers=[], step=0).scalars(1, loss=0.5)
print({HEAVY} & sys.modules.keys())
logs.open(Path(sys.argv[1]), viewers=["tensorboard"], step=1).close()
print({HEAVY} & sys.modules.keys() >= {{"torch", "tensorboard"}})
"""
    assert python(script, tmp_path).stdout.splitlines() == ["set()", "True"]


def test_the_best_row_is_the_first_of_the_highest_finite_ones():
    values = [30.0, 31.0, math.nan, math.inf, 31.0]
    found = [table.StepRow(step, {"psnr": value}) for step, value in enumerate(values)]

    assert table.best(found, "psnr") == (1, 31.0)
    assert table.best(found, "ssim_y") is None
    assert doctest.testmod(table).failed == 0
    assert doctest.testmod(table).attempted == 1
