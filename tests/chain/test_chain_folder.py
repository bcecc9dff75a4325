"""A chain takes a folder only where nothing can be lost."""

import logging

import pytest

from mirnet.chain import folder, record, setting
from mirnet.chain.parts import Status
from mirnet.errors import DataError


@pytest.fixture
def earlier(tmp_path):
    """A folder that a lite chain has left, with all that one can leave."""
    for name in ("data/sidd/a.png", "run/last.ckpt", "models/onnx/a.onnx", "restored/x/a.png"):
        (tmp_path / "chain" / name).parent.mkdir(parents=True)
        (tmp_path / "chain" / name).touch()
    (tmp_path / "chain" / "chain.log").write_text("old")
    wanted = setting.lite(tmp_path / "chain")
    record.write(record.record(wanted, [], Status.PASSED), tmp_path / "chain")
    return tmp_path / "chain"


def names(place):
    return sorted(path.name for path in place.iterdir())


@pytest.mark.parametrize("place", ["new", "new/and/deep"])
def test_a_new_folder_is_made(tmp_path, place):
    folder.claim(tmp_path / place)

    assert names(tmp_path / place) == []


def test_an_empty_folder_is_taken(tmp_path):
    folder.claim(tmp_path)

    assert names(tmp_path) == []


def test_an_earlier_lite_chain_makes_room(earlier):
    folder.claim(earlier)

    assert names(earlier) == ["chain.json"]


def test_what_a_chain_did_not_make_stays(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")

    with pytest.raises(DataError, match=r"holds letter\.txt, and no chain made it"):
        folder.claim(tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_what_lies_beside_an_earlier_chain_stays_and_so_does_that(earlier):
    (earlier / "letter.txt").touch()
    before = sorted(earlier.rglob("*"))

    with pytest.raises(DataError, match=r"holds letter\.txt beside an earlier chain"):
        folder.claim(earlier)
    assert sorted(earlier.rglob("*")) == before


def test_a_full_chain_is_never_thrown_away(earlier):
    path = earlier / "chain.json"
    path.write_text(path.read_text().replace('"mode": "lite"', '"mode": "full"'))
    before = sorted(earlier.rglob("*"))

    with pytest.raises(DataError, match="holds a full chain, which may have taken long"):
        folder.claim(earlier)
    assert sorted(earlier.rglob("*")) == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other", "mode": "lite"}'])
def test_a_record_of_something_else_is_no_chain(earlier, text):
    (earlier / "chain.json").write_text(text)

    with pytest.raises(DataError, match="no chain made it"):
        folder.claim(earlier)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(DataError, match="file is a file: give a folder"):
        folder.claim(tmp_path / "file")


def test_the_log_gets_what_the_package_says_and_nothing_after(tmp_path):
    log = logging.getLogger("mirnet.training.start")
    with folder.logging_into(tmp_path):
        log.info("resumed at step 1")
    log.error("too late")

    assert (tmp_path / "chain.log").read_text().endswith(" resumed at step 1\n")
