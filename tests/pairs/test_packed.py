"""Packed pairs are the folder's, pixel by pixel; what is damaged, foreign or missing is named."""

import json
import os
import pickle
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load_file, save_file

from mirnet.errors import DataError
from mirnet.pairs import packing, shard, sources
from mirnet.pairs.packed import Packed
from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.pairs import Pairs

PLACES = st.floats(0, 1, exclude_max=True)
SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))
SHARDS = 3
DEPTHS = st.sampled_from([np.uint8, np.uint16])


def pack(source, target, shard_mb=1):
    """The shards of a folder, all of them."""
    pairs = PairFolder(source)
    jobs = packing.plan(pairs, target, shard_mb=shard_mb)
    for job in packing.remaining(jobs):
        packing.write(pairs, job)
    return jobs


@pytest.fixture(scope="module")
def folder(tmp_path_factory, save, picture):
    """Seven pairs, of which two or three fit into a shard of 1 MB, under unusual names."""
    top = tmp_path_factory.mktemp("pairs")
    for seed, name in enumerate(["b", "a", "ä x", "10", "9", "__metadata__", "a.b"]):
        for half, dtype in (("input", np.uint8), ("target", [np.uint8, np.uint16][seed % 2])):
            pixels = picture(180 + seed, 290, dtype=dtype, seed=2 * seed + (half == "target"))
            save(top / half / f"{name}.png", pixels=pixels)
    return top


@pytest.fixture(scope="module")
def packed(folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("packed") / "new"
    pack(folder, target)
    return target


@pytest.fixture
def copy(packed, tmp_path):
    """A copy of the shards to be harmed."""
    target = tmp_path / "copy"
    target.mkdir()
    for path in packed.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def relabel(path, **changes):
    """Change what a shard says of itself."""
    label = json.loads(shard.open_file(path).metadata()["mirnet"])
    save_file(load_file(path), path, {"mirnet": json.dumps(label | changes)})


def test_it_is_a_source_of_pairs(packed):
    source = sources.open(packed)

    assert isinstance(source, Packed)
    assert isinstance(source, Pairs)


def test_whole_pairs_are_those_of_the_folder_in_its_order(folder, packed):
    files, shards = PairFolder(folder), Packed(packed)

    assert len(list(packed.iterdir())) == SHARDS
    assert len(files) == len(shards) == 7
    for index in range(-1, 7):
        assert files.name(index) == shards.name(index)
        for expected, pixels in zip(files.whole(index), shards.whole(index), strict=True):
            np.testing.assert_array_equal(pixels, expected)
            assert pixels.dtype == expected.dtype
            assert pixels.flags.writeable
            assert pixels.flags.c_contiguous


@settings(max_examples=50)
@given(st.integers(0, 6), st.integers(1, 180), PLACES, PLACES)
def test_patches_are_those_of_the_folder(folder, packed, index, side, top, left):
    files, shards = PairFolder(folder), Packed(packed)
    expected = files.crop(index, side, (top, left))
    cut = shards.crop(index, side, (top, left))

    np.testing.assert_equal(cut, expected)
    assert [patch.dtype for patch in cut] == [patch.dtype for patch in expected]
    assert all(patch.flags.writeable and patch.flags.c_contiguous for patch in cut)


def test_the_last_row_and_column_are_reached(packed):
    source = Packed(packed)
    noisy, _ = source.crop(0, 16, (1 - 1e-9, 1 - 1e-9))

    np.testing.assert_array_equal(noisy, source.whole(0)[0][-16:, -16:])


@settings(max_examples=25)
@given(st.data(), SIZES, DEPTHS, DEPTHS)
def test_any_pair_survives_packing(save, data, size, noisy, clean):
    halves = [data.draw(arrays.arrays(dtype, size)) for dtype in (noisy, clean)]
    with tempfile.TemporaryDirectory() as name:
        for half, pixels in zip(("lq", "gt"), halves, strict=True):
            save(Path(name) / half / "a.png", pixels=pixels)
        pack(Path(name), Path(name) / "packed")
        for pixels, expected in zip(Packed(Path(name) / "packed").whole(0), halves, strict=True):
            np.testing.assert_array_equal(pixels, expected)
            assert pixels.dtype == expected.dtype


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 100))
def test_shards_are_as_full_as_the_limit_allows(sizes, limit):
    parts = packing._stretches(sizes, limit)
    filled = [sum(sizes[index] for index in part) for part in parts]

    assert [index for part in parts for index in part] == list(range(len(sizes)))
    assert all(full <= limit or len(part) == 1 for part, full in zip(parts, filled, strict=True))
    for (_, before), (part, _) in pairwise(zip(parts, filled, strict=True)):
        assert before + sizes[part[0]] > limit


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_cut_the_same_patches(packed, method):
    source = Packed(packed)
    count = len(source)
    here = [source.crop(index, 16, (0.4, 0.6)) for index in range(count)]

    with ProcessPoolExecutor(2, get_context(method)) as workers:
        places = [(0.4, 0.6)] * count
        there = list(workers.map(source.crop, range(count), [16] * count, places, timeout=120))

    np.testing.assert_equal(there, here)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
def test_no_handle_is_shared_over_a_fork_or_pickled(packed):
    source = Packed(packed)
    source.whole(0)
    (handle,) = source._handles.values()
    restored = pickle.loads(pickle.dumps(source))

    assert not restored._handles
    source._process = -1  # as if this were the child
    source.whole(0)
    assert handle not in source._handles.values()


def test_opening_maps_nothing_before_it_is_needed(packed):
    source = Packed(packed)
    assert not source._handles
    source.crop(6, 8, (0.0, 0.0))
    assert list(source._handles) == [len(list(packed.iterdir())) - 1]


def test_what_is_too_small_is_found_early(packed):
    source = Packed(packed)
    source.check(180)

    with pytest.raises(DataError, match=r"^b: a patch of 181 does not fit .* of 180x290$"):
        source.check(181)
    with pytest.raises(DataError, match=r"a patch of 300 does not fit"):
        source.crop(0, 300, (0.0, 0.0))


# what is refused


@pytest.mark.parametrize("length", [0, 5, 100, 5000])
def test_a_shard_that_is_cut_short_is_named(copy, length):
    path = copy / "shard-00001.safetensors"
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(DataError, match=r"shard-00001.safetensors is truncated or damaged \(.*\):"):
        Packed(copy)


def test_a_header_of_nonsense_is_refused(copy):
    path = copy / "shard-00001.safetensors"
    path.write_bytes(b"\xff" * 500)

    with pytest.raises(DataError, match=r"is truncated or damaged"):
        Packed(copy)


def test_a_shard_that_goes_missing_later_is_named(copy):
    source = Packed(copy)
    (copy / "shard-00000.safetensors").unlink()

    with pytest.raises(DataError, match=r"shard-00000.safetensors cannot be read: No such file"):
        source.whole(0)


def test_a_folder_under_the_name_of_a_shard_is_refused(copy):
    (copy / "shard-00001.safetensors").unlink()
    (copy / "shard-00001.safetensors").mkdir()

    with pytest.raises(DataError, match=r"shard-00001.safetensors "):
        Packed(copy)


@pytest.mark.parametrize("number", [0, 1, -1])
def test_a_missing_shard_is_named(copy, number):
    path = sorted(copy.iterdir())[number]
    path.unlink()

    with pytest.raises(DataError, match=rf"{path.name} is missing, of \d: .*run `mirnet data pack"):
        Packed(copy)


def test_a_folder_without_shards_is_no_packed_set(tmp_path):
    with pytest.raises(DataError, match=r"holds no shards"):
        Packed(tmp_path)
    with pytest.raises(DataError, match=r"holds no pairs: expected the folders"):
        sources.open(tmp_path)


def test_a_safetensors_file_of_something_else_is_foreign(copy):
    save_file({"weight": np.zeros(3)}, copy / "shard-00000.safetensors")

    with pytest.raises(
        DataError, match=r"00000.safetensors holds no pairs written by `mirnet data pack`"
    ):
        Packed(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "holds no pairs written by"),
        ({"version": 2}, "is of version 2, where this mirnet reads 1: update mirnet"),
        ({"shards": "many"}, "does not say what it is"),
        ({"shards": True}, "does not say what it is"),
        ({"extra": 1}, "does not say what it is"),
        ({"shard": 3}, "is shard 3: give it its name back"),
        ({"set_digest": "0"}, "belongs to another set than shard-00000.safetensors"),
        ({"shards": 10**12}, "belongs to another set than shard-00000.safetensors"),
        ({"pairs": 8}, "do not hold the pairs that they state"),
    ],
)
def test_a_shard_that_says_something_else_is_refused(copy, changes, message):
    relabel(copy / "shard-00001.safetensors", **changes)

    with pytest.raises(DataError, match=message):
        Packed(copy)


HALF = np.zeros((4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"clean/z": HALF}, "`clean/z` has no partner `noisy/z`"),
        ({"noisy/z": HALF}, "`noisy/z` has no partner `clean/z`"),
        ({"z": HALF}, "holds `z`: expected `noisy/NAME` and `clean/NAME` alone"),
        ({"noisy/": HALF, "clean/": HALF}, "holds `clean/`: expected"),
        ({"noisy/z": HALF, "clean/z": HALF[:3]}, r"halves of z differ in size: \(4, 5\) and \(3, "),
        ({"noisy/z": HALF, "clean/z": HALF[..., :1].copy()}, r"`clean/z` is U8 \[4, 5, 1\]: "),
        ({"noisy/z": HALF, "clean/z": HALF.astype(np.float32)}, r"`clean/z` is F32 \[4, 5, 3\]"),
        ({"noisy/z": HALF[:0], "clean/z": HALF[:0]}, r"is U8 \[0, 5, 3\]: expected height"),
        ({"noisy/A": HALF, "clean/A": HALF}, "do not hold the pairs that they state"),
    ],
)
def test_tensors_that_are_no_pairs_are_refused(copy, tensors, message):
    path = copy / "shard-00001.safetensors"
    metadata = shard.open_file(path).metadata()
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    save_file(load_file(path) | tensors, path, metadata)

    with pytest.raises(DataError, match=message):
        Packed(copy)


def test_a_second_file_for_a_number_is_no_shard(copy):
    (copy / "shard-000001.safetensors").touch()

    assert len(Packed(copy)) == 7


# packing


def test_a_folder_packed_twice_gives_the_same_bytes(folder, packed, tmp_path):
    pack(folder, tmp_path)

    assert len(list(packed.iterdir())) == SHARDS
    for path in packed.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_what_a_shard_says_of_itself(folder, packed):
    path = packed / "shard-00001.safetensors"
    label = shard.label(path, shard.open_file(path))

    assert (label.shard, label.shards, label.pairs, label.shard_mb) == (1, SHARDS, 7, 1)
    assert label.source == folder.name


def test_finished_shards_are_kept(folder, copy):
    (copy / "shard-00001.safetensors").unlink()
    (copy / ".shard-00001.safetensors.part").write_bytes(b"left by a killed run")
    before = {path: path.stat().st_mtime_ns for path in copy.glob("shard-*")}
    pack(folder, copy)

    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert len(list(copy.iterdir())) == SHARDS
    assert len(Packed(copy)) == 7


@pytest.fixture
def source(tmp_path, save, picture):
    """Three pairs, of which one fits into a shard."""
    for seed, name in enumerate("abc"):
        for half in ("noisy", "clean"):
            save(tmp_path / "pairs" / half / f"{name}.png", pixels=picture(400, 300, seed=seed))
    return tmp_path / "pairs"


def test_a_changed_source_is_refused(source, tmp_path, save, picture):
    pack(source, tmp_path / "packed")
    save(source / "clean" / "b.png", pixels=picture(400, 300, seed=9) // 2)

    with pytest.raises(DataError, match=r"shard-00001.* from files that have changed since"):
        pack(source, tmp_path / "packed")
    save(source / "clean" / "d.png")
    save(source / "noisy" / "d.png")
    with pytest.raises(DataError, match=r"shard-00000.* pairs were added, removed or resized"):
        pack(source, tmp_path / "packed")


def test_a_mended_picture_of_an_unfinished_shard_is_taken(source, tmp_path, save, picture):
    mended = picture(400, 300, seed=5) // 2
    jobs = packing.plan(PairFolder(source), tmp_path / "packed", shard_mb=1)
    packing.write(PairFolder(source), jobs[0])
    save(source / "clean" / "b.png", pixels=mended)
    pack(source, tmp_path / "packed")

    np.testing.assert_array_equal(Packed(tmp_path / "packed").whole(1)[1], mended)


def test_a_picture_that_changes_during_the_run_is_noticed(source, tmp_path, save, picture):
    jobs = packing.plan(PairFolder(source), tmp_path / "packed", shard_mb=1)
    save(source / "clean" / "a.png", pixels=picture(400, 300, seed=5) // 2)

    with pytest.raises(DataError, match=r"pairs changed while it was being packed"):
        packing.write(PairFolder(source), jobs[0])
    assert not (tmp_path / "packed").exists()


def test_another_size_of_shards_is_refused(source, tmp_path):
    pack(source, tmp_path / "packed")

    with pytest.raises(
        DataError, match=r"was packed with --shard-mb 1: give that, or a new folder"
    ):
        pack(source, tmp_path / "packed", shard_mb=2)


def test_shards_beyond_those_planned_are_refused(source, tmp_path):
    pack(source, tmp_path / "packed")
    first = tmp_path / "packed" / "shard-00000.safetensors"
    first.rename(first.with_name("shard-00007.safetensors"))

    with pytest.raises(DataError, match=r"shard-00007.safetensors was packed from other pairs"):
        pack(source, tmp_path / "packed")


def test_only_a_new_or_empty_folder_is_filled(source, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()

    with pytest.raises(DataError, match=r"other holds letter.txt: give a new or an empty folder"):
        pack(source, tmp_path / "other")
    with pytest.raises(DataError, match=r"letter.txt is a file: give a folder"):
        pack(source, tmp_path / "other" / "letter.txt")


def test_a_full_disk_is_noticed_before_anything_is_written(source, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=2**20)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)

    with pytest.raises(DataError, match=r"the shards need 2 MB, and 1 MB are free: make room"):
        pack(source, tmp_path / "new" / "packed")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_no_text_is_refused(source, tmp_path):
    for half in ("noisy", "clean"):
        (source / half / "a.png").rename(source / half / os.fsdecode(b"\xff.png"))

    with pytest.raises(DataError, match=r"the name '\\udcff' is not valid text: rename it"):
        pack(source, tmp_path / "packed")
