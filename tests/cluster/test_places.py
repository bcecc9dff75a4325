"""Folders and object stores, through one interface."""

import hashlib
import shutil

import pytest

from mirnet.cluster.places import inside, open_place
from mirnet.errors import DataError

NAMES = ["a.png", "b/c/d.tif", "b/é #1%.png"]


def test_written_files_are_listed_read_and_digested(place):
    for name in NAMES:
        assert place.write(name, name.encode())

    entries = sorted(place.list(), key=lambda entry: entry.name)

    assert [entry.name for entry in entries] == NAMES
    assert [entry.size for entry in entries] == [len(name.encode()) for name in NAMES]
    assert place.read(NAMES[2]) == NAMES[2].encode()
    assert place.digest(NAMES[2]) == (hashlib.sha256(NAMES[2].encode()).hexdigest(), 12)


def test_hidden_names_are_listed_only_below_their_prefix(place):
    for name in (".mirnet/x/1", ".mirnet/x/2", ".mirnet/y/3", "a.png"):
        place.write(name, b"1")

    assert [entry.name for entry in place.list()] == ["a.png"]
    assert sorted(entry.name for entry in place.list(".mirnet/x/")) == [
        ".mirnet/x/1",
        ".mirnet/x/2",
    ]
    assert list(place.list(".mirnet/nothing/")) == []


def test_an_existing_file_is_replaced_only_if_asked(place, tmp_path):
    assert place.write("a", b"old")
    assert not place.write("a", b"new", replace=False)
    assert place.read("a") == b"old"
    assert place.write("a", b"new")
    assert place.read("a") == b"new"


@pytest.mark.parametrize("replace", [False, True])
def test_a_finished_file_is_moved(place, replace):
    work = place.work_folder() / "mirnet-test-part"
    work.write_bytes(b"content")

    assert place.send(work, "deep/down/a.png", replace=replace)
    assert place.read("deep/down/a.png") == b"content"
    work.unlink(missing_ok=True)


def test_a_fetched_file_has_the_fingerprint_of_the_listing_until_it_changes(place, tmp_path):
    place.write("a.png", b"one")
    listed = next(iter(place.list())).fingerprint

    path, fingerprint = place.fetch("a.png", tmp_path)

    assert path.read_bytes() == b"one"
    assert path.suffix == ".png"
    assert fingerprint == listed
    place.write("a.png", b"three")
    assert next(iter(place.list())).fingerprint != listed


def test_what_is_not_there_is_an_error_in_one_line(place, tmp_path):
    place.write("a.png", b"one")

    for action in (place.read, place.digest, lambda name: place.fetch(name, tmp_path)):
        with pytest.raises(FileNotFoundError) as error:
            action("b.png")
        assert "\n" not in str(error.value)
    place.remove(["b.png", "a.png"])
    assert list(place.list()) == []


def test_a_missing_folder_and_a_missing_bucket_are_told(tmp_path, s3):
    with pytest.raises(FileNotFoundError):
        list(open_place(str(tmp_path / "nothing")).list())
    with pytest.raises(FileNotFoundError, match="no such bucket"):
        open_place("s3://nobody-has-this/x").write("a", b"")


def test_links_to_folders_are_not_followed_and_links_to_files_are_files(tmp_path, save):
    save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "b.png").symlink_to(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "c.png").symlink_to(tmp_path / "nothing")

    names = sorted(entry.name for entry in open_place(str(tmp_path / "in")).list())

    assert names == ["a.png", "b.png"]


def test_a_folder_that_vanishes_while_it_is_listed_is_reported(tmp_path):
    for name in ("a.png", "gone/b.png", "there/c.png"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "in" / name).touch()
    place = open_place(str(tmp_path / "in"))
    reported = []

    listed = place.list(report=reported.append)
    found = [next(listed).name]
    shutil.rmtree(tmp_path / "in" / "gone")
    found += [entry.name for entry in listed]

    assert sorted(found) == ["a.png", "there/c.png"]
    assert [error.filename for error in reported] == [str(tmp_path / "in" / "gone")]


def test_without_a_report_a_folder_that_vanishes_is_an_error(tmp_path):
    (tmp_path / "in" / "gone").mkdir(parents=True)
    (tmp_path / "in" / "a.png").touch()

    listed = open_place(str(tmp_path / "in")).list()
    next(listed)
    (tmp_path / "in" / "gone").rmdir()

    with pytest.raises(FileNotFoundError, match="gone"):
        list(listed)


def test_a_file_whose_facts_cannot_be_had_is_listed(tmp_path):
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")

    assert [entry.name for entry in open_place(str(tmp_path)).list()] == ["loop.png"]


def test_a_folder_lies_inside_another():
    outer, inner = open_place("/data/in"), open_place("/data/in/out")

    assert inside(inner, outer) == "out/"
    assert inside(outer, inner) == inside(outer, open_place("/data/i")) == ""


def test_an_address_loses_a_slash_as_a_path_and_is_still_one(s3):
    assert open_place("s3:/pictures/x/").url == "s3://pictures/x"


def test_other_addresses_are_refused():
    with pytest.raises(DataError, match="s3://"):
        open_place("ftp://somewhere/x")


def test_a_store_that_does_not_answer_is_an_error(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    place = open_place("s3://pictures/x", store_seconds=0.1)

    with pytest.raises(OSError, match="s3://pictures/x/a") as error:
        place.write("a", b"")
    assert "\n" not in str(error.value)
