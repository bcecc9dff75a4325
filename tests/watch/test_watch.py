"""A folder that is watched: real files, real changes, a runtime that darkens."""

import os
import shutil
import threading
import time

import numpy as np
import pytest

from mirnet.errors import ImageError, MirnetError
from mirnet.models.facts import Facts
from mirnet.restoration.restorer import Restorer
from mirnet.watch import watch as module
from mirnet.watch.watch import opened

pytest.importorskip("watchfiles")
pytestmark = pytest.mark.timeout(120)


class Darkening:
    """A runtime that halves every value, and ends as a killed process does when told to."""

    name = "darkening"
    facts = Facts()
    is_killed = False

    def __call__(self, batch):
        if self.is_killed:
            raise KeyboardInterrupt
        return batch / 2

    def close(self):
        pass


@pytest.fixture
def incoming(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def run(incoming, out):
    """A function that watches until `count` pictures were handled; returns the results.

    Further arguments are called, one after each result; nothing else may arrive afterwards.
    """

    def watch(count, *then, runtime=None, settle=0.0, **options):
        restorer = Restorer(runtime or Darkening())
        results, actions = [], list(then)
        stop = threading.Event()
        with opened(incoming, out, settle=settle, **options) as watched:
            timer = threading.Timer(20 if count else 1.2, stop.set)
            timer.start()
            for route in watched.pictures(stop):
                result = watched.restore(route, restorer)
                if result is None:
                    continue
                results.append(result)
                if actions:
                    actions.pop(0)()
                if len(results) == count:
                    timer.cancel()
                    timer = threading.Timer(1.2, stop.set)  # more than two looks
                    timer.start()
            timer.cancel()
        return [(result.source.name, result.status) for result in results]

    return watch


def test_what_is_there_and_what_arrives_is_restored_once(run, incoming, out, save, load):
    save(incoming / "a.png")
    (incoming / "notes.txt").write_text("no picture")
    results = run(2, lambda: save(incoming / "b.jpg"))

    assert results == [("a.png", "restored"), ("b.jpg", "restored")]
    after, before = load(out / "a.png").astype(int), load(incoming / "a.png")
    assert np.abs(2 * after - before).max() <= 1
    assert sorted(path.name for path in out.iterdir()) == [".mirnet-watch.jsonl", "a.png", "b.jpg"]


def test_a_restart_handles_what_arrived_meanwhile_and_nothing_twice(run, incoming, out, save):
    save(incoming / "a.png")
    assert run(1) == [("a.png", "restored")]
    (out / "a.png").unlink()  # moved on
    save(incoming / "b.png")

    assert run(1) == [("b.png", "restored")]
    assert run(0) == []
    assert not (out / "a.png").exists()


def test_a_picture_that_changes_is_restored_again(run, incoming, out, save, load, picture):
    save(incoming / "a.png")
    white = np.full((8, 8, 3), 254, np.uint8)
    results = run(2, lambda: save(incoming / "a.png", pixels=white))

    assert results == [("a.png", "restored")] * 2
    np.testing.assert_array_equal(load(out / "a.png"), white // 2)


def test_a_process_that_is_killed_while_restoring_leaves_the_picture_to_do(run, incoming, save):
    save(incoming / "a.png")
    killed = Darkening()
    killed.is_killed = True
    with pytest.raises(KeyboardInterrupt):
        run(1, runtime=killed)

    assert run(1) == [("a.png", "restored")]


def test_a_file_of_somebody_else_is_never_replaced(run, incoming, out, save):
    save(incoming / "a.png")
    theirs = save(out / "a.png", 8, 8).read_bytes()

    assert run(1) == [("a.png", "skipped")]
    save(incoming / "a.png", 30, 30)
    assert run(1) == [("a.png", "skipped")]
    assert (out / "a.png").read_bytes() == theirs


def test_two_pictures_never_become_one_file(run, incoming, out, save, load):
    save(incoming / "a.jpg", 20, 30)
    save(incoming / "a.tif", 10, 10)

    assert run(2, format="png") == [("a.jpg", "restored"), ("a.tif", "failed")]
    assert load(out / "a.png").shape == (20, 30, 3)


def test_a_file_is_left_until_it_is_complete(run, incoming, save, tmp_path):
    content = save(tmp_path / "whole.png", 200, 200).read_bytes()

    def copy_slowly():
        for start in range(0, len(content), len(content) // 5):
            with (incoming / "slow.png").open("ab") as file:
                file.write(content[start : start + len(content) // 5])
            time.sleep(0.3)

    save(incoming / "a.png")
    thread = threading.Thread(target=copy_slowly)
    assert run(2, thread.start, settle=0.8) == [("a.png", "restored"), ("slow.png", "restored")]
    thread.join()


def test_a_damaged_file_fails_once_and_is_tried_again_when_it_changes(run, incoming, save):
    save(incoming / "a.png", 100, 100)
    whole = (incoming / "a.png").read_bytes()
    (incoming / "a.png").write_bytes(whole[: len(whole) // 2])

    assert run(2, lambda: (incoming / "a.png").write_bytes(whole)) == [
        ("a.png", "failed"),
        ("a.png", "restored"),
    ]


def test_folders_that_are_moved_in_are_searched(run, incoming, out, save, tmp_path):
    save(incoming / "a.png")
    save(tmp_path / "trip" / "day" / "b.png")
    move = lambda: shutil.move(tmp_path / "trip", incoming / "trip")  # noqa: E731

    assert run(2, move, recursive=True) == [("a.png", "restored"), ("b.png", "restored")]
    assert (out / "trip" / "day" / "b.png").is_file()


def test_results_inside_the_folder_are_not_restored_again(incoming, save):
    save(incoming / "a.png")
    stop = threading.Event()
    timer = threading.Timer(2, stop.set)
    seen = []
    with opened(incoming, incoming / "done", recursive=True, settle=0.0) as watched:
        timer.start()
        for route in watched.pictures(stop):
            watched.restore(route, Restorer(Darkening()))
            seen.append(route.place.as_posix())

    assert seen == ["a.png"]


def test_without_reports_of_changes_the_folder_is_listed_in_turns(run, incoming, save, monkeypatch):
    """As on network drives, whose server does not tell."""
    import watchfiles

    real = watchfiles.watch

    def deaf(*folders, **options):
        return (set() for _ in real(*folders, **options))

    monkeypatch.setattr(watchfiles, "watch", deaf)
    monkeypatch.setattr(module, "RESCAN", 0.6)
    save(incoming / "a.png")

    assert run(2, lambda: save(incoming / "b.png")) == [
        ("a.png", "restored"),
        ("b.png", "restored"),
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no locks here")
def test_two_watches_never_share_an_output_folder(incoming, out):
    with (
        opened(incoming, out),
        pytest.raises(MirnetError, match=r"another mirnet watch writes to .*out: stop it"),
        opened(incoming, out),
    ):
        pass


@pytest.mark.parametrize(
    ("folder", "output", "options", "message"),
    [
        ("nowhere", "out", {}, "nowhere does not exist: give a folder to watch"),
        ("file", "out", {}, "file is a file: give a folder to watch"),
        ("in", "file", {}, "file is a file: give a folder for the results"),
        ("in", "in", {}, "in is the watched folder"),
        ("in", ".", {"recursive": True}, "holds the watched folder"),
        ("in", "out", {"format": "gif"}, "no format 'gif': choose jpeg"),
    ],
)
def test_what_cannot_work_is_refused(incoming, tmp_path, folder, output, options, message):
    (tmp_path / "file").touch()

    with (
        pytest.raises(ImageError, match=message),
        opened(tmp_path / folder, tmp_path / output, **options),
    ):
        pass
    assert not (tmp_path / "out").exists()
