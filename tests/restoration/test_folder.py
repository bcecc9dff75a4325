import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile

from mirnet.errors import ImageError, InferenceError
from mirnet.models.facts import Facts
from mirnet.restoration import folder
from mirnet.restoration.folder import Route
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime
from mirnet.system import files


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


def test_beside_the_inputs_other_strengths_stand_in_the_names(tmp_path):
    touch(tmp_path, "a.v2.jpg", "a.v2_restored.jpg", "a.v2_restored_strength0.7.jpg")

    assert planned(tmp_path, [tmp_path], strength=0.7) == {
        "a.v2.jpg": "a.v2_restored_strength0.7.jpg"
    }
    given = sorted(tmp_path.glob("*.jpg"))  # `mirnet restore *.jpg`, run again
    for strength, name in ((1.0, "a.v2_restored.jpg"), (0.05, "a.v2_restored_strength0.05.jpg")):
        assert planned(tmp_path, given, strength=strength) == {"a.v2.jpg": name}


def test_results_are_known_whatever_characters_the_names_hold(tmp_path):
    touch(tmp_path, "a\n.jpg", "a\n_restored.jpg", "a\n_restored_strength1e-05.jpg")

    assert planned(tmp_path, [tmp_path]) == {"a\n.jpg": "a\n_restored.jpg"}


def test_in_a_folder_results_of_another_strength_are_kept(tmp_path):
    touch(tmp_path, "in/a.jpg", "in/trip/b.png")
    output = tmp_path / "out"

    def names(strength):
        jobs = folder.plan([tmp_path / "in"], output, recursive=True, strength=strength)
        folder.note_strength(jobs, output, strength)
        return [job.target.relative_to(output).as_posix() for job in jobs]

    plain, marked = ["a.jpg", "trip/b.png"], ["a_strength0.7.jpg", "trip/b_strength0.7.png"]
    assert names(0.7) == plain  # a new folder
    touch(output, plain[0])
    assert names(0.7) == plain  # resumed
    assert names(1.0) == ["a_strength1.jpg", "trip/b_strength1.png"]
    (output / folder.STRENGTH).unlink()  # as if it was made with strength 1
    assert (names(1.0), names(0.7)) == (plain, marked)
    assert not (output / folder.STRENGTH).exists()


def test_a_file_that_is_named_keeps_its_name_at_any_strength(tmp_path):
    touch(tmp_path, "a.jpg", "out.jpg")
    jobs = folder.plan([tmp_path / "a.jpg"], tmp_path / "out.jpg", strength=0.7)
    folder.note_strength(jobs, tmp_path / "out.jpg", 0.7)

    assert [job.target.name for job in jobs] == ["out.jpg"]


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
        (["empty"], None, {"recursive": True}, r"no pictures in .*empty \(left out: 1 \.txt\)$"),
        (["a.png"], None, {"format": "gif"}, "no format 'gif': choose jpeg, png"),
        (["a.png"], "b.png", {"format": "jpeg"}, r"b\.png does not end as jpeg does"),
        (["a.png"], "b.nef", {"format": "tiff"}, r"b\.nef does not end as tiff does"),
        (["a.png", "b.png"], "c.png", {}, "name of one picture: give a folder"),
        (["empty"], "c.png", {}, "name of one picture: give a folder"),
        (["a.png"], "notes.txt", {}, r"notes\.txt is neither a folder nor named as a picture"),
        (
            ["a.png"],
            "clean.gif",
            {},
            r"clean\.gif cannot be written: names of pictures end in \.jp",
        ),
        (["a.png"], "/dev/null", {}, "/dev/null is neither a folder nor named as a picture"),
    ],
)
def test_what_cannot_work_is_refused_with_a_reason(tmp_path, inputs, output, options, message):
    touch(tmp_path, "a.png", "b.png", "notes.txt", "empty/x/notes.txt")

    with pytest.raises(ImageError, match=message):
        folder.plan(
            [tmp_path / name for name in inputs], tmp_path / output if output else None, **options
        )


def test_what_is_no_picture_is_counted_by_kind(tmp_path):
    touch(tmp_path, "a.png", "b.PSD", "c.psd", "d.txt", "README", ".hidden", "x/e.psd")
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    left_out = folder.LeftOut()

    folder.plan([tmp_path], left_out=left_out)
    assert str(left_out) == "2 .psd, 1 without a suffix, 1 .txt, 1 .jpg that is no file"

    deeper = folder.LeftOut()
    folder.plan([tmp_path], recursive=True, left_out=deeper)
    assert deeper.kinds[".psd"] == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
def test_a_pipe_is_no_input(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")

    with pytest.raises(ImageError, match=r"pipe\.png is neither a file nor a folder"):
        folder.plan([tmp_path / "pipe.png"])


def test_a_target_that_links_to_itself_stops_nothing(tmp_path, save, restorer):
    for name in ("a.png", "b.png"):
        save(tmp_path / "in" / name)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to("a.png")

    results = list(folder.run(folder.plan([tmp_path / "in"], tmp_path / "out"), restorer))

    assert [result.status for result in results] == ["failed", "restored"]
    assert (tmp_path / "out" / "a.png").is_symlink()


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


def test_a_name_that_becomes_too_long_is_that_pictures_error(tmp_path, save, restorer):
    save(tmp_path / f"{'n' * 245}.png")  # with _restored, more than file systems take
    save(tmp_path / "z.png")

    results = list(folder.run(folder.plan([tmp_path]), restorer))

    assert [result.status for result in results] == ["failed", "restored"]
    assert results[0].error.endswith("_restored.png: File name too long")


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_file_is_never_replaced(tmp_path, save, restorer, overwrite):
    for name in ("folder.png", "pipe.png", "link.png"):
        save(tmp_path / "in" / name)
    out = tmp_path / "out"
    (out / "folder.png").mkdir(parents=True)
    os.mkfifo(out / "pipe.png")
    (out / "link.png").symlink_to(tmp_path / "kept.png")
    jobs = folder.plan([tmp_path / "in"], out)

    with subprocess.Popen(["cat", out / "pipe.png"], stdout=subprocess.PIPE) as reader:
        results = list(folder.run(jobs, restorer, overwrite=overwrite))
        received = reader.stdout.read()

    assert [result.status for result in results] == ["failed", "restored", "restored"]
    assert "Is a directory" in results[0].error
    assert (out / "pipe.png").is_fifo()
    assert (out / "link.png").is_symlink()
    assert received == (tmp_path / "kept.png").read_bytes()
    assert sorted(path.name for path in out.iterdir()) == ["folder.png", "link.png", "pipe.png"]


def test_spools_of_killed_runs_are_removed_and_no_others(tmp_path, save, restorer):
    save(tmp_path / "a.png")
    stale = tmp_path / f".mirnet-{'0' * 16}.part"
    others = [tmp_path / name for name in (f".{'0' * 16}.part", f".mirnet-{'0' * 15}.part")]
    for path in (stale, *others):
        path.touch()

    with files.hidden(tmp_path / "b.png") as living:
        list(folder.run(folder.plan([tmp_path]), restorer))
        assert living.exists()

    assert {path.name for path in tmp_path.iterdir()} == {
        *("a.png", "a_restored.png"),
        *(path.name for path in others),
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


# RAW files that become DNG


def test_raw_files_become_dngs_and_others_are_told(tmp_path, save, restorer):
    pytest.importorskip("rawpy", reason="the extra raw is not installed")
    tags = [
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes([0, 1, 1, 2]), True),
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),
        (50708, 2, 0, "Acme One", True),
    ]
    sensor = np.full((64, 96), 9000, np.uint16)
    tifffile.imwrite(tmp_path / "b.dng", sensor, photometric=32803, metadata=None, extratags=tags)
    save(tmp_path / "a.png")

    routes = folder.plan([tmp_path], tmp_path / "out", format="dng")
    picture, raw = folder.run(routes, restorer, format="dng")

    assert (picture.status, raw.status) == ("failed", "restored")
    assert "a.png is not a RAW file, and only those become DNG" in picture.error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.dng"]


def test_the_name_of_the_output_decides_for_dng(tmp_path, save, restorer):
    save(tmp_path / "a.png")

    (result,) = folder.run(folder.plan([tmp_path / "a.png"], tmp_path / "a.dng"), restorer)

    assert "only those become DNG" in result.error
