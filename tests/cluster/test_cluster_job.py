"""Whole jobs in this process: runs, resumed runs, shards, changes, verification."""

import os
import shutil

import pytest

from mirnet.cluster import job, manifest, places, status
from mirnet.cluster.manifest import DONE, FAILED
from mirnet.cluster.places import open_place
from mirnet.cluster.verify import Verification, verify
from mirnet.errors import DataError
from mirnet.restoration import folder

TARGETS = [
    "0.png",
    "2.tif",
    "4.jpg",
    "6.png",
    "8.tif",
    *("trip/1.jpg", "trip/3.png", "trip/5.tif", "trip/7.jpg"),
]


def rows(target):
    place = open_place(str(target))
    found = {}
    for bucket in range(job.existing(place).buckets):
        found |= manifest.read(place, bucket)
    return found


def contents(target):
    place = open_place(str(target))
    return {entry.name: place.read(entry.name) for entry in place.list()}


def problems(target, **options):
    place = open_place(str(target))
    found = Verification()
    listed = verify(place, job.existing(place), verification=found, **options)
    return {(each.kind, each.output) for each in listed}


@pytest.fixture
def alone(photos, tmp_path, settings):
    """What `mirnet restore` makes of the same pictures."""
    from mirnet import api

    options = {"strength": settings.strength, "runtime": "mnn", "threads": 1}
    with api.load(settings.model, **options) as restorer:
        routes = folder.plan([photos], tmp_path / "alone", recursive=True)
        assert all(result.status == "restored" for result in folder.run(routes, restorer))
    return contents(tmp_path / "alone")


def test_a_job_gives_what_restore_gives_and_a_true_manifest(photos, place, work, alone):
    _, total = work(photos, place.url)

    assert total.done == 9
    assert contents(place.url) == alone
    assert sorted(alone) == TARGETS
    found = rows(place.url)
    assert sorted(row.output for row in found.values()) == TARGETS
    for row in found.values():
        assert (row.status, row.attempt) == (DONE, 1)
        assert (row.sha256, row.bytes) == place.digest(row.output)
        assert row.fingerprint == open_place(str(photos)).fetch(row.path, photos)[1]
    assert problems(place.url) == set()


def test_pictures_come_from_an_object_store_too(photos, s3, work, alone, tmp_path):
    source = open_place(f"{s3}/{os.urandom(8).hex()}")
    for path in photos.rglob("*.*"):
        source.write(path.relative_to(photos).as_posix(), path.read_bytes())

    work(source.url, tmp_path / "out")
    _, again = work(source.url, tmp_path / "out")

    assert contents(tmp_path / "out") == alone
    assert again.done == 0


@pytest.mark.parametrize("shards", [2, 5])
def test_shards_do_the_same_job_between_them(photos, tmp_path, work, alone, shards):
    listed = [
        work(photos, tmp_path / "out", shard=shard, shards=shards)[0].listed
        for shard in range(shards)
    ]

    assert sum(listed) == 9
    assert contents(tmp_path / "out") == alone
    assert sorted(row.output for row in rows(tmp_path / "out").values()) == TARGETS
    assert problems(tmp_path / "out") == set()
    found = status.read(
        open_place(str(tmp_path / "out")), job.existing(open_place(str(tmp_path / "out")))
    )
    assert (found.listed, found.done, found.left, found.started_shards) == (9, 9, 0, shards)


def test_a_second_run_does_what_is_new_changed_or_unreadable(photos, tmp_path, work, save):
    (photos / "bad.png").write_bytes(b"nonsense")
    _, first = work(photos, tmp_path / "out")
    run, second = work(photos, tmp_path / "out")

    assert (first.done, dict(first.failed)) == (9, {"picture": 1})
    assert (second.done, second.failed) == (0, {})
    assert (run.done, dict(run.failed)) == (9, {"picture": 1})

    save(photos / "new.png", 8, 8)
    save(photos / "0.png", 12, 12)
    save(photos / "bad.png", 8, 8)
    _, third = work(photos, tmp_path / "out")

    assert (third.done, third.failed) == (3, {})
    assert rows(tmp_path / "out")["0.png"].attempt == 2
    assert problems(tmp_path / "out") == set()


def test_failures_are_tried_again_if_asked(photos, tmp_path, work):
    (photos / "bad.png").write_bytes(b"nonsense")
    work(photos, tmp_path / "out")

    _, failed = work(photos, tmp_path / "out", retry="failed")
    _, everything = work(photos, tmp_path / "out", retry="all")

    assert (failed.done, dict(failed.failed)) == (0, {"picture": 1})
    assert (everything.done, dict(everything.failed)) == (9, {"picture": 1})


def test_what_a_dead_worker_wrote_is_taken_over(photos, place, work):
    """Results without a row: their worker died before it could write it."""
    work(photos, place.url)
    before = contents(place.url)
    place.remove([entry.name for entry in place.list(f"{manifest.FOLDER}/")])

    _, total = work(photos, place.url)

    assert total.done == 9
    assert contents(place.url) == before
    assert problems(place.url) == set()


def test_what_killed_processes_left_is_removed(photos, tmp_path, work):
    stale = tmp_path / "out" / ".mirnet" / "tmp" / ".mirnet-0123456789abcdef.part"
    stale.mkdir(parents=True)
    (stale / "result.png").write_bytes(b"half")

    work(photos, tmp_path / "out")

    assert list(stale.parent.iterdir()) == []


def test_pictures_of_one_name_are_refused_and_the_others_done(
    photos, tmp_path, work, settings, save
):
    from dataclasses import replace

    save(photos / "0.jpg", 8, 8)
    asked = replace(settings, format="png")
    _, total = work(photos, tmp_path / "out", settings=asked)

    assert (total.done, dict(total.failed)) == (8, {"clash": 2})
    assert "0.png" not in contents(tmp_path / "out")
    (photos / "0.jpg").unlink()
    _, total = work(photos, tmp_path / "out", settings=asked, retry="failed")
    assert total.done == 1


def test_other_settings_redo_what_the_old_ones_made(photos, tmp_path, work, settings):
    from dataclasses import replace

    work(photos, tmp_path / "out")
    before = contents(tmp_path / "out")
    asked = replace(settings, quality=30)

    with pytest.raises(DataError, match="another job"):
        work(photos, tmp_path / "out", settings=asked)
    _, total = work(photos, tmp_path / "out", settings=asked, overwrite=True)

    assert total.done == 9
    after = contents(tmp_path / "out")
    assert after.keys() == before.keys()
    assert len(after["4.jpg"]) < len(before["4.jpg"])
    assert problems(tmp_path / "out") == set()


def test_a_target_inside_the_source_is_no_source(photos, work):
    work(photos, photos / "out")
    _, again = work(photos, photos / "out")

    assert sorted(contents(photos / "out")) == TARGETS
    assert again.done == 0


def test_names_are_selected(photos, tmp_path, work):
    run, _ = work(photos, tmp_path / "out", include=("*.png", "*.jpg"), exclude=("trip/*",))

    assert run.listed == 3
    assert sorted(contents(tmp_path / "out")) == ["0.png", "4.jpg", "6.png"]


def test_no_pictures_and_the_same_place_twice_are_refused(photos, tmp_path, work):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        work(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(DataError, match="source and target"):
        work(photos, photos, overwrite=True)


def test_verification_finds_what_is_missing_changed_or_unknown(photos, place, work):
    work(photos, place.url)
    place.remove(["0.png"])
    place.write("2.tif", b"damage")
    content = bytearray(place.read("4.jpg"))
    content[-1] ^= 1
    place.write("4.jpg", bytes(content))
    place.write("mine.png", b"mine")

    found = problems(place.url, quick=True)
    assert found == {("missing", "0.png"), ("different", "2.tif"), ("unknown", "mine.png")}
    assert problems(place.url, mark=True) == {*found, ("different", "4.jpg")}

    _, total = work(photos, place.url)
    assert total.done == 3
    assert problems(place.url) == {("unknown", "mine.png")}


def test_a_file_system_without_hard_links_will_do(photos, tmp_path, work, monkeypatch, alone):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(places.os, "link", refuse)
    place = open_place(str(tmp_path / "out"))

    assert place.write("a", b"old", replace=False)
    assert not place.write("a", b"new", replace=False)
    assert place.read("a") == b"old"


def test_a_disk_that_takes_nothing_fails_pictures_retryably(photos, tmp_path, work):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    work(photos, tmp_path / "out", include=("0.png",))
    (tmp_path / "out" / "trip").mkdir()
    (tmp_path / "out" / "trip").chmod(0o500)

    _, total = work(photos, tmp_path / "out")
    assert total.failed == {"io": 4}
    (tmp_path / "out" / "trip").chmod(0o700)
    _, total = work(photos, tmp_path / "out")
    assert total.done == 4


def test_status_tells_of_failures_and_of_earlier_settings(photos, tmp_path, work, settings):
    from dataclasses import replace

    (photos / "bad.png").write_bytes(b"nonsense")
    work(photos, tmp_path / "out")
    place = open_place(str(tmp_path / "out"))
    found = status.read(place, job.existing(place))

    assert (found.listed, found.done, found.left) == (10, 9, 0)
    assert found.failed == {"picture": 1}
    assert found.rate > 0
    assert found.bytes == sum(map(len, contents(tmp_path / "out").values()))

    asked = replace(settings, quality=30)
    work(photos, tmp_path / "out", settings=asked, overwrite=True, include=("0.png",))
    found = status.read(place, job.existing(place))
    assert (found.listed, found.done, found.outdated) == (1, 1, 9)
    assert all(row.status in (DONE, FAILED) for row in rows(tmp_path / "out").values())
    shutil.rmtree(tmp_path / "out")
