"""Files that are renamed together appear all or not at all; what is no file is never replaced."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mirnet.system.files import hidden_folder, place_together, remove_stale, replacing


@pytest.fixture
def parts(tmp_path):
    """Two finished files, in a folder of their own."""
    hidden = tmp_path / "models" / ".hidden"
    hidden.mkdir(parents=True)
    (hidden / "a.bin").write_text("new weights")
    (hidden / "a.xml").write_text("new graph")
    return [hidden / "a.bin", hidden / "a.xml"]


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("old", [{}, {"a.bin": "old weights"}, {"a.bin": "old", "a.xml": "old"}])
def test_all_take_their_places(parts, tmp_path, old):
    folder = tmp_path / "models"
    for name, text in old.items():
        (folder / name).write_text(text)

    place_together(parts, folder)

    assert contents(folder) == {"a.bin": "new weights", "a.xml": "new graph"}
    assert list(parts[0].parent.iterdir()) == []


@pytest.mark.parametrize("old", [{}, {"a.bin": "old weights"}])
def test_where_the_second_cannot_the_first_is_taken_back(parts, tmp_path, old):
    folder = tmp_path / "models"
    for name, text in old.items():
        (folder / name).write_text(text)
    (folder / "a.xml").mkdir()

    with pytest.raises(OSError, match=r"a\.xml"):
        place_together(parts, folder)

    assert contents(folder) == old
    assert (folder / "a.xml").is_dir()


def test_one_file_alone_takes_its_place(tmp_path):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "a.onnx").write_text("new")
    (tmp_path / "a.onnx").write_text("old")

    place_together([tmp_path / "hidden" / "a.onnx"], tmp_path)

    assert (tmp_path / "a.onnx").read_text() == "new"


def test_a_pipe_receives_what_a_file_would(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    content = bytes(range(256)) * 4096  # more than a pipe takes at once

    with (tmp_path / "received").open("wb") as received:
        reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=received)
    with replacing(tmp_path / "pipe") as part:
        part.write_bytes(content)
    reader.wait(timeout=60)

    assert (tmp_path / "received").read_bytes() == content
    assert (tmp_path / "pipe").is_fifo()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_device_stays_a_device():
    with replacing(Path(os.devnull)) as part:
        part.write_text("nothing")

    assert Path(os.devnull).is_char_device()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux")
def test_an_error_of_a_device_names_it():
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):  # noqa: SIM117
        with replacing(Path("/dev/full")) as part:
            part.write_text("too much")


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")

    with replacing(tmp_path / "link") as part:
        part.write_text("new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


def test_a_folder_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(IsADirectoryError, match=str(tmp_path)), replacing(tmp_path):
        pytest.fail("it was accepted")


def test_an_error_names_the_file_and_not_the_hidden_one(tmp_path):
    path = tmp_path / "gone" / "a.csv"

    with pytest.raises(OSError, match="its folder does not exist") as raised, replacing(path):
        pytest.fail("it was accepted")

    assert raised.value.filename == str(path)


HOLDER = """
import sys, time
from pathlib import Path
from mirnet.system import files
with getattr(files, sys.argv[1])(Path(sys.argv[2])) as part:
    print(part, flush=True)
    time.sleep(300)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")
@pytest.mark.parametrize(("function", "path"), [("hidden", "a.png"), ("hidden_folder", "")])
def test_what_is_hidden_is_removed_once_its_process_was_killed(tmp_path, function, path):
    command = [sys.executable, "-c", HOLDER, function, tmp_path / path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        part = Path(holder.stdout.readline().strip())
        remove_stale(tmp_path)
        assert part.exists()
        holder.send_signal(signal.SIGKILL)

    assert part.exists()
    remove_stale(tmp_path)
    assert not part.exists()


def test_a_hidden_folder_goes_with_its_content(tmp_path):
    with hidden_folder(tmp_path) as folder:
        (folder / "a.bin").write_text("weights")
        remove_stale(tmp_path)
        assert (folder / "a.bin").exists()

    assert list(tmp_path.iterdir()) == []
