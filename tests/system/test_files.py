"""Files that are renamed together appear all or not at all."""

import pytest

from mirnet.system.files import place_together


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
