import os
from pathlib import Path

import numpy as np
import pytest

from mirnet.errors import ImageError, InferenceError
from mirnet.models.facts import Facts
from mirnet.restoration import folder
from mirnet.restoration.folder import Route
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime


class Darkening:
    """A runtime that halves every value, except while it is out of order."""

    name = "darkening"
    facts = Facts()
    error = None

    def __call__(self, batch):
        if self.error:
            raise self.error
        return batch / 2

    def close(self):
        pass


def touch(top, *names):
    """Empty files: a plan only looks at names."""
    for name in names:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return top


def planned(top, *arguments, **options):
    """The plan as names relative to `top`."""
    jobs = folder.plan(*arguments, **options)
    return {
        job.source.relative_to(top).as_posix(): job.target.relative_to(top).as_posix()
        for job in jobs
    }


# plan


def test_a_file_is_restored_beside_itself(tmp_path):
    touch(tmp_path, "a.JPG", "b.nef")

    assert planned(tmp_path, [tmp_path / "a.JPG", tmp_path / "b.nef"]) == {
        "a.JPG": "a_restored.JPG",
        "b.nef": "b_restored.tif",
    }


def test_one_file_goes_into_a_file_of_the_given_name(tmp_path):
    touch(tmp_path, "a.jpg")

    assert folder.plan([tmp_path / "a.jpg"], tmp_path / "b.png") == [
        Route(tmp_path / "a.jpg", tmp_path / "b.png", Path("a.jpg"))
    ]


def test_one_file_goes_into_a_folder_whatever_its_name(tmp_path):
    touch(tmp_path, "a.jpg").joinpath("there.png").mkdir()

    for output in ("new", "2024.05.12", "there.png"):
        targets = planned(tmp_path, [tmp_path / "a.jpg"], tmp_path / output)
        assert targets == {"a.jpg": f"{output}/a.jpg"}


def test_the_pictures_of_a_folder_are_taken_in_order(tmp_path):
    touch(tmp_path, "b.png", "a.TIFF", "c.txt", "d.webp", "e", "sub/f.png", ".hidden.png")
    (tmp_path / "folder.png").mkdir()

    jobs = folder.plan([tmp_path], tmp_path / "out")

    assert [job.source.name for job in jobs] == ["a.TIFF", "b.png", "d.webp"]


def test_a_tree_is_kept(tmp_path):
    touch(tmp_path, "in/a.png", "in/x/b.png", "in/x/y/c.png", "in/.cache/d.png")

    targets = planned(tmp_path, [tmp_path / "in"], tmp_path / "out", recursive=True)

    assert targets == {
        "in/a.png": "out/a.png",
        "in/x/b.png": "out/x/b.png",
        "in/x/y/c.png": "out/x/y/c.png",
    }


def test_a_hidden_folder_that_is_asked_for_is_taken(tmp_path):
    touch(tmp_path, ".photos/a.png")

    assert len(folder.plan([tmp_path / ".photos"])) == 1


def test_another_format_gives_another_suffix(tmp_path):
    touch(tmp_path, "a.jpg", "b.v2.nef")

    assert planned(tmp_path, [tmp_path], tmp_path, format="png") == {
        "a.jpg": "a.png",
        "b.v2.nef": "b.v2.png",
    }


def test_a_folders_own_results_are_not_restored_again(tmp_path):
    touch(tmp_path, "a.png", "a_restored.png", "b.nef", "b_restored.tif", "c_restored.png")

    assert planned(tmp_path, [tmp_path]) == {
        "a.png": "a_restored.png",
        "b.nef": "b_restored.tif",
        "c_restored.png": "c_restored_restored.png",  # there is no c, so it is nobody's result
    }


def test_files_that_are_results_of_others_given_are_not_restored_again(tmp_path):
    """As when the shell expands *.png for the second time."""
    touch(tmp_path, "a.png", "a_restored.png", "b_restored.png")
    inputs = sorted(tmp_path.glob("*.png"))

    assert planned(tmp_path, inputs) == {
        "a.png": "a_restored.png",
        "b_restored.png": "b_restored_restored.png",
    }


def test_results_in_a_folder_inside_the_inputs_are_not_restored_again(tmp_path):
    touch(tmp_path, "a.png", "restored/a.png", "x/restored/b.png")

    targets = planned(tmp_path, [tmp_path], tmp_path / "restored", recursive=True)

    assert targets == {"a.png": "restored/a.png", "x/restored/b.png": "restored/x/restored/b.png"}


def test_results_may_go_to_a_folder_above(tmp_path):
    touch(tmp_path, "photos/raw/a.nef")

    targets = planned(tmp_path, [tmp_path / "photos/raw"], tmp_path / "photos")

    assert targets == {"photos/raw/a.nef": "photos/a.tif"}


def test_a_picture_that_is_given_twice_is_restored_once(tmp_path):
    touch(tmp_path, "a.png", "b.png")

    assert len(folder.plan([tmp_path, tmp_path / "a.png"], tmp_path / "out")) == 2


@pytest.mark.parametrize("output", ["", "../in", "link"])
def test_a_source_is_never_overwritten(tmp_path, output):
    top = touch(tmp_path, "in/a.png") / "in"
    (top / "link").symlink_to(top)

    with pytest.raises(ImageError, match=r"would overwrite the original .*a\.png"):
        folder.plan([top], top / output)
    with pytest.raises(ImageError, match="would overwrite the original"):
        folder.plan([top / "a.png"], top / output / "a.png")


def test_one_pictures_target_is_never_another_source(tmp_path):
    touch(tmp_path, "a.png", "b.jpg", "x/b.jpg")

    with pytest.raises(ImageError, match=r"x.b\.jpg would overwrite the original .*b\.jpg"):
        folder.plan([tmp_path / "x" / "b.jpg", tmp_path / "b.jpg"], tmp_path)


def test_two_pictures_that_would_become_one_file_are_refused(tmp_path):
    touch(tmp_path, "a.jpg", "a.png", "x/a.jpg")

    with pytest.raises(ImageError, match=r"a\.jpg and .*a\.png would both become .*a\.tif"):
        folder.plan([tmp_path], tmp_path / "out", format="tiff")
    with pytest.raises(ImageError, match="would both become"):
        folder.plan([tmp_path / "a.jpg", tmp_path / "x"], tmp_path / "out")


@pytest.mark.parametrize(
    ("inputs", "output", "options", "message"),
    [
        (["gone.png"], None, {}, r"gone\.png does not exist"),
        (["empty"], None, {}, r"no pictures in .*empty; --recursive looks into its folders too"),
        (["empty"], None, {"recursive": True}, r"no pictures in .*empty$"),
        (["a.png"], None, {"format": "gif"}, "no format 'gif': choose jpeg, png"),
        (["a.png"], "b.png", {"format": "jpeg"}, r"b\.png does not end as jpeg does"),
        (["a.png"], "b.nef", {"format": "tiff"}, r"b\.nef does not end as tiff does"),
        (["a.png", "b.png"], "c.png", {}, "name of one picture: give a folder"),
        (["empty"], "c.png", {}, "name of one picture: give a folder"),
        (["a.png"], "notes.txt", {}, r"notes\.txt is neither a folder nor named as a picture"),
    ],
)
def test_what_cannot_work_is_refused_with_a_reason(tmp_path, inputs, output, options, message):
    touch(tmp_path, "a.png", "b.png", "notes.txt", "empty/x/notes.txt")

    with pytest.raises(ImageError, match=message):
        folder.plan(
            [tmp_path / name for name in inputs], tmp_path / output if output else None, **options
        )


# run


@pytest.fixture
def restorer():
    return Restorer(Darkening())


def test_pictures_are_restored_one_by_one(tmp_path, save, load, restorer):
    save(tmp_path / "in" / "a.png", 30, 50)
    save(tmp_path / "in" / "x" / "b.png", 20, 10)
    jobs = folder.plan([tmp_path / "in"], tmp_path / "out", recursive=True)

    first, second = folder.run(jobs, restorer)

    assert (first.status, first.height, first.width, first.tiles) == ("restored", 30, 50, 1)
    assert first.seconds > 0
    assert second.target == tmp_path / "out" / "x" / "b.png"
    for result in (first, second):
        np.testing.assert_allclose(load(result.target), load(result.source) / 2, atol=0.51)


def test_nothing_is_done_before_it_is_asked_for(tmp_path, save, restorer):
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    results = folder.run(folder.plan([tmp_path], tmp_path / "out"), restorer)

    next(results)

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]


def test_a_second_run_skips_what_is_there_and_does_the_rest(tmp_path, save, restorer):
    save(tmp_path / "a.png")
    list(folder.run(folder.plan([tmp_path]), restorer))
    stamp = (tmp_path / "a_restored.png").stat()
    save(tmp_path / "b.png")

    results = list(folder.run(folder.plan([tmp_path]), restorer))

    assert [result.status for result in results] == ["skipped", "restored"]
    assert (tmp_path / "a_restored.png").stat() == stamp


def test_overwriting_restores_again(tmp_path, save, load, restorer):
    save(tmp_path / "a.png")
    jobs = folder.plan([tmp_path])
    list(folder.run(jobs, Restorer(EchoRuntime())))
    (result,) = folder.run(jobs, restorer, overwrite=True)

    assert result.status == "restored"
    np.testing.assert_allclose(load(result.target), load(result.source) / 2, atol=0.51)


def test_a_broken_picture_is_reported_and_the_others_are_restored(tmp_path, save, restorer):
    for name in ("a.png", "c.jpg"):
        save(tmp_path / name)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:300])
    before = {path.name for path in tmp_path.iterdir()}

    results = list(folder.run(folder.plan([tmp_path]), restorer))

    assert [result.status for result in results] == ["restored", "failed", "restored"]
    assert "b.png" in results[1].error
    assert {path.name for path in tmp_path.iterdir()} - before == {
        "a_restored.png",
        "c_restored.jpg",
    }


@pytest.mark.parametrize("error", [InferenceError("no result"), MemoryError()])
def test_a_failing_runtime_is_reported_with_the_name_of_the_picture(
    tmp_path, save, restorer, error
):
    source = save(tmp_path / "a.png")
    restorer.runtime.error = error

    (result,) = folder.run(folder.plan([source]), restorer)

    assert result.status == "failed"
    assert result.error.startswith(f"{source}: no")
    assert list(tmp_path.iterdir()) == [source]


def test_a_folder_that_cannot_be_made_is_reported(tmp_path, save, restorer):
    save(tmp_path / "a.png")
    touch(tmp_path, "file")

    (result,) = folder.run(folder.plan([tmp_path / "a.png"], tmp_path / "file" / "out"), restorer)

    assert result.status == "failed"
    assert str(Path("file") / "out") in result.error


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_may_not_be_written_is_reported(tmp_path, save, restorer):
    save(tmp_path / "a.png")
    (tmp_path / "out").mkdir(mode=0o500)

    (result,) = folder.run(folder.plan([tmp_path], tmp_path / "out"), restorer)

    assert result.status == "failed"


def test_what_changed_besides_the_noise_is_noted(tmp_path, save, picture, restorer):
    save(tmp_path / "a.png", pixels=picture(20, 20, dtype=np.uint16))

    (result,) = folder.run(folder.plan([tmp_path], format="jpeg"), restorer, format="jpeg")

    assert any("8 bit" in note for note in result.notes)
