"""`mirnet-edit` as editors start it: with files, and nothing else."""

import subprocess

import numpy as np
import pytest


@pytest.fixture
def edit(commands, tmp_path):
    def run(*arguments):
        return subprocess.run(
            [commands / "mirnet-edit", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_file_is_replaced_and_the_one_before_kept(edit, save, load, tmp_path):
    path = save(tmp_path / "my export.tif")
    before = path.read_bytes()
    first, second = edit(path), edit("my export.tif", "--model", "denoise-print")

    assert (first.returncode, first.stdout, first.stderr) == (0, f"{path}\n", "")
    assert second.returncode == 0
    assert (tmp_path / "my export_original.tif").read_bytes() == before
    kept = load(tmp_path / "my export_original.tif")
    assert kept.shape == load(path).shape
    assert (kept != load(path)).any()


def test_without_keeping_there_is_one_file(edit, save, load, tmp_path):
    path = save(tmp_path / "a.png")
    before = load(path)
    done = edit("--strength", "0", "--no-keep", "a.png")

    assert done.returncode == 0
    np.testing.assert_array_equal(load(path), before)
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["a.png"]


def test_what_fails_stays_as_it_is_and_the_others_are_done(edit, save, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    (tmp_path / "a.nef").write_bytes(b"raw")
    save(tmp_path / "b.png")
    done = edit("broken.png", "a.nef", "gone.jpg", "b.png")

    assert (done.returncode, done.stdout) == (1, "b.png\n")
    messages = done.stderr.splitlines()
    assert len(messages) == 3
    assert messages[1] == "mirnet: a.nef cannot be replaced: export it as TIFF, PNG or JPEG first"
    assert (tmp_path / "broken.png").read_bytes() == b"nothing"
    files = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert files == ["a.nef", "b.png", "b_original.png", "broken.png"]


def test_wrong_arguments_are_told_in_one_line(edit, save, tmp_path):
    done = edit("--model", "nothing", save(tmp_path / "a.png"))

    assert done.returncode == 2
    assert done.stderr.startswith("mirnet: ")
    assert done.stderr.count("\n") == 1
