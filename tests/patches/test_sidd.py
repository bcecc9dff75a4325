"""Pairs of SIDD are matched by name, and cut at the same places however the work is divided."""

import os
import shutil
from collections import Counter, namedtuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.errors import DataError
from mirnet.patches import patch_folder, processes, sidd
from mirnet.patches.windows import GridWindows, RandomWindows
from mirnet.pictures import codec

SCENE = "0001_001_S6_00100_00060_3200_L"
OTHER = "0002_001_S6_00100_00020_3200_N"


@pytest.fixture
def sidd_folder(tmp_path, save, picture):
    """Three pairs in two scenes, under the names of SIDD-Medium."""
    for seed, (scene, index) in enumerate([(SCENE, "010"), (SCENE, "011"), (OTHER, "010")]):
        for half in ("NOISY", "GT"):
            path = tmp_path / "SIDD" / "Data" / scene / f"{scene[:4]}_{half}_SRGB_{index}.PNG"
            save(path, pixels=picture(40, 56, seed=2 * seed + (half == "GT")))
    return tmp_path / "SIDD"


def tree(top):
    """All files below by their paths, with what is in them."""
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in top.rglob("*")
        if path.is_file()
    }


def cut(source, folder, scheme=RandomWindows(16, 5, 0), workers=1):  # noqa: B008 - it is frozen
    return list(sidd.run(sidd.plan(source, folder, scheme), workers))


# which files pair up


@pytest.mark.parametrize("below", ["", "Data", f"Data/{SCENE}"])
def test_the_folder_may_be_given_from_the_top_or_from_further_down(sidd_folder, below):
    found = sidd.find(sidd_folder / below)

    assert list(found)[:2] == [f"{SCENE}_010", f"{SCENE}_011"]
    assert len(found) == (2 if SCENE in below else 3)
    for name, pair in found.items():
        assert pair.noisy.parent == pair.clean.parent
        assert pair.noisy.name == f"{name[:4]}_NOISY_SRGB_{name[-3:]}.PNG"
        assert pair.clean.name == f"{name[:4]}_GT_SRGB_{name[-3:]}.PNG"


def test_a_scene_may_be_the_folder_one_is_in(sidd_folder, monkeypatch):
    monkeypatch.chdir(sidd_folder / "Data" / SCENE)

    assert list(sidd.find(Path())) == [f"{SCENE}_010", f"{SCENE}_011"]


def test_plain_names_and_small_letters_are_taken_and_other_files_are_not(tmp_path):
    scene = tmp_path / SCENE
    scene.mkdir()
    others = ("._0001_GT_SRGB_010.PNG", "GT_RAW_010.MAT", "notes.png", "NOISY_SRGB_010.png.part")
    for name in ("NOISY_SRGB_010.PNG", "GT_SRGB_010.png", *others):
        (scene / name).touch()

    (pair,) = sidd.find(tmp_path).values()
    assert (pair.noisy.name, pair.clean.name) == ("NOISY_SRGB_010.PNG", "GT_SRGB_010.png")


def test_files_without_a_partner_are_named_up_to_five(tmp_path):
    scene = tmp_path / SCENE
    scene.mkdir()
    for index in range(10, 18):
        (scene / f"NOISY_SRGB_{index:03}.PNG").touch()
    (scene / "GT_SRGB_010.PNG").touch()
    (scene / "GT_SRGB_099.PNG").touch()

    with pytest.raises(DataError, match="without a partner") as caught:
        sidd.find(tmp_path)
    assert str(caught.value).count(".PNG") == 5
    assert str(caught.value).endswith(" and 3 more")
    assert "SRGB_010" not in str(caught.value)


def test_pairs_of_one_name_are_refused(sidd_folder):
    shutil.copytree(sidd_folder / "Data", sidd_folder / "Copy")

    with pytest.raises(DataError, match=r"Copy.*Data.*would have the same names"):
        sidd.find(sidd_folder)


@pytest.mark.parametrize("name", ["a/NOISY_SRGB.PNG", "notes.txt"])
def test_a_folder_without_pairs_is_refused(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()

    with pytest.raises(DataError, match="holds no pairs of SIDD"):
        sidd.find(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        sidd.find(tmp_path / "gone")


# where patches are cut


@given(st.integers(1, 9), st.integers(0, 3), st.integers(0, 3), st.integers(0, 2**40))
def test_every_window_can_be_reached_and_none_leaves_the_picture(patch, rows, columns, seed):
    scheme = RandomWindows(patch, 400, seed)
    found = scheme.windows("x", patch + rows, patch + columns)

    corners = {(top, left) for top in range(rows + 1) for left in range(columns + 1)}
    assert {(window.top, window.left) for window in found} == corners
    assert {window.side for window in found} == {patch}


def test_windows_depend_on_seed_and_name_alone():
    found = [
        RandomWindows(8, 20, seed).windows(name, 100, 90)
        for seed, name in [(0, "a"), (0, "a"), (1, "a"), (0, "b")]
    ]

    assert found[0] == found[1]
    assert found[0] != found[2] != found[3] != found[0]


@given(st.integers(4, 40), st.integers(0, 150), st.integers(0, 150))
def test_the_grid_covers_the_picture(patch, rows, columns):
    height, width = patch + rows, patch + columns
    seen = np.zeros((height, width), int)
    found = GridWindows(patch).windows("x", height, width)
    for window in found:
        assert seen[window.slices()].shape == (patch, patch)
        seen[window.slices()] += 1

    assert seen.min() == 1
    assert len(set(found)) == len(found)


@given(st.integers(512, 3000), st.integers(512, 3000))
def test_the_grid_is_the_official_one(height, width):
    def starts(size):  # the rule as it is published: every 384 below size - 512, then the border
        return [*np.arange(0, size - 512, 512 - 128), size - 512]

    found = [(window.top, window.left) for window in GridWindows(512).windows("x", height, width)]

    assert found == [(top, left) for top in starts(height) for left in starts(width)]


# cutting


def test_both_halves_are_cut_at_the_same_places(sidd_folder, tmp_path, load):
    scheme = RandomWindows(16, 5, 3)
    results = cut(sidd_folder, tmp_path / "out", scheme)

    assert [(result.name, result.patches) for result in results] == [
        (f"{SCENE}_010", 5),
        (f"{SCENE}_011", 5),
        (f"{OTHER}_010", 5),
    ]
    for name, pair in sidd.find(sidd_folder).items():
        for number, window in enumerate(scheme.windows(name, 40, 56)):
            for half, path in (("input", pair.noisy), ("groundtruth", pair.clean)):
                patch = load(tmp_path / "out" / half / f"{name}_{number:03}.png")
                np.testing.assert_array_equal(patch, load(path)[window.slices()])
    assert len(tree(tmp_path / "out")) == 2 * 15 + 1


def test_the_number_of_workers_changes_no_byte(sidd_folder, tmp_path):
    for workers in (1, 2):
        cut(sidd_folder, tmp_path / str(workers), workers=workers)

    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_other_scenes_change_none_of_a_scenes_patches(sidd_folder, tmp_path):
    cut(sidd_folder, tmp_path / "all")
    cut(sidd_folder / "Data" / OTHER, tmp_path / "one")

    both = tree(tmp_path / "all")
    for name, content in tree(tmp_path / "one").items():
        assert both[name] == content


def test_16_bits_are_kept(tmp_path, save, load, picture):
    deep = picture(20, 20, dtype=np.uint16)
    for half in ("NOISY", "GT"):
        save(tmp_path / SCENE / f"{half}_SRGB_010.PNG", pixels=deep)
    cut(tmp_path / SCENE, tmp_path / "out", GridWindows(20))

    patch = load(tmp_path / "out" / "input" / f"{SCENE}_010_000.png")
    assert patch.dtype == np.uint16
    np.testing.assert_array_equal(patch, deep)


@pytest.fixture
def reads(monkeypatch):
    """Counts by name how often a file's pixels are read."""
    counter = Counter()

    def read(path):
        counter[path.name] += 1
        return original(path)

    original = codec.read
    monkeypatch.setattr(codec, "read", read)
    return counter


def test_each_file_is_read_once_and_of_a_finished_pair_none(sidd_folder, tmp_path, reads):
    cut(sidd_folder, tmp_path / "out")
    assert len(reads) == 6
    assert set(reads.values()) == {1}

    reads.clear()
    lost = tmp_path / "out" / "groundtruth" / f"{OTHER}_010_003.png"
    before = lost.read_bytes()
    lost.unlink()
    plan = sidd.plan(sidd_folder, tmp_path / "out", RandomWindows(16, 5, 0))
    assert (plan.patches, plan.missing, len(plan.jobs)) == (15, 1, 1)
    list(sidd.run(plan, 1))
    assert dict(reads) == {"0002_NOISY_SRGB_010.PNG": 1, "0002_GT_SRGB_010.PNG": 1}
    assert lost.read_bytes() == before


def test_what_is_there_is_neither_written_again_nor_removed(sidd_folder, tmp_path):
    out = tmp_path / "out"
    cut(sidd_folder, out)
    (out / "input" / "mine.png").write_text("not a patch")
    (out / "notes.txt").write_text("mine")
    (out / "groundtruth" / f"{SCENE}_010_000.png").unlink()
    kept = out / "input" / f"{SCENE}_010_000.png"
    kept.write_text("edited by hand")
    before = tree(out)
    cut(sidd_folder, out)

    after = tree(out)
    assert after.keys() - before.keys() == {f"groundtruth/{SCENE}_010_000.png"}
    assert {name: after[name] for name in before} == before


def test_what_a_killed_run_left_half_written_does_not_stay(sidd_folder, tmp_path):
    cut(sidd_folder, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    patch = tmp_path / "cut" / "input" / f"{SCENE}_011_004.png"
    patch.rename(patch.with_name(f".{patch.name}.part"))
    patch.with_name(f".{patch.name}.part").write_bytes(b"half")
    cut(sidd_folder, tmp_path / "cut")

    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")


def test_a_damaged_pair_gives_no_patches_and_the_others_are_cut(sidd_folder, tmp_path):
    clean = sidd_folder / "Data" / SCENE / "0001_GT_SRGB_011.PNG"
    clean.write_bytes(clean.read_bytes()[:3000])
    results = {result.name: result for result in cut(sidd_folder, tmp_path / "out")}

    assert [result.patches for result in results.values()] == [5, 0, 5]
    assert "0001_GT_SRGB_011.PNG cannot be read" in results[f"{SCENE}_011"].error
    assert not [name for name in tree(tmp_path / "out") if f"{SCENE}_011" in name]


def test_a_header_that_cannot_be_read_is_reported_before_work_begins(sidd_folder, tmp_path):
    (sidd_folder / "Data" / SCENE / "0001_NOISY_SRGB_011.PNG").write_bytes(b"no picture")
    plan = sidd.plan(sidd_folder, tmp_path / "out", RandomWindows(16, 5, 0))

    assert [result.name for result in plan.unusable] == [f"{SCENE}_011"]
    assert (plan.pictures, plan.patches, plan.missing) == (2, 10, 10)


# what is refused


def test_all_pairs_of_wrong_sizes_are_named_and_nothing_is_written(sidd_folder, tmp_path, save):
    save(sidd_folder / "Data" / SCENE / "0001_GT_SRGB_011.PNG", 40, 55)
    for half in ("NOISY", "GT"):
        save(sidd_folder / "Data" / OTHER / f"0002_{half}_SRGB_010.PNG", 15, 90)

    with pytest.raises(DataError) as caught:
        sidd.plan(sidd_folder, tmp_path / "out", RandomWindows(16, 5, 0))
    message = str(caught.value)
    assert "0001_NOISY_SRGB_011.PNG 56x40, " in message
    assert "0001_GT_SRGB_011.PNG 55x40; " in message
    assert "0002_NOISY_SRGB_010.PNG 90x15, less than a patch of 16" in message
    assert "0001_NOISY_SRGB_010" not in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "other", [RandomWindows(32, 5, 0), RandomWindows(16, 6, 0), RandomWindows(16, 5, 1)]
)
def test_patches_made_otherwise_are_not_mixed(sidd_folder, tmp_path, other):
    cut(sidd_folder, tmp_path / "out")
    before = tree(tmp_path / "out")

    with pytest.raises(DataError, match=r"holds patches made with .* was given"):
        sidd.plan(sidd_folder, tmp_path / "out", other)
    with pytest.raises(DataError, match=r"windows random, .*windows grid"):
        sidd.plan(sidd_folder, tmp_path / "out", GridWindows(16))
    assert tree(tmp_path / "out") == before


def test_patches_of_unknown_origin_are_not_taken_for_ours(sidd_folder, tmp_path):
    cut(sidd_folder, tmp_path / "out")
    (tmp_path / "out" / patch_folder.RECORD).unlink()

    with pytest.raises(DataError, match=r"holds 0001_.*\.png already, and no patches\.json says"):
        cut(sidd_folder, tmp_path / "out")


def test_a_record_that_is_none_is_refused(sidd_folder, tmp_path):
    (tmp_path / "out").mkdir()
    for content in ("{", "[1]"):
        (tmp_path / "out" / patch_folder.RECORD).write_text(content)
        with pytest.raises(DataError, match="is not a record of patches"):
            cut(sidd_folder, tmp_path / "out")


@pytest.mark.parametrize("inside", ["", "patches", f"Data/{SCENE}/patches"])
def test_patches_do_not_go_among_the_pictures(sidd_folder, inside):
    before = tree(sidd_folder)

    with pytest.raises(DataError, match="among the pictures"):
        cut(sidd_folder, sidd_folder / inside)
    assert tree(sidd_folder) == before


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(
    sidd_folder, tmp_path, monkeypatch
):
    usage = namedtuple("usage", "free")
    plan = sidd.plan(sidd_folder, tmp_path / "a" / "out", RandomWindows(16, 5, 0))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(plan.bytes - 1))

    with pytest.raises(DataError, match=r"15 pairs of patches need about .* kB are free"):
        list(sidd.run(plan, 1))
    assert not (tmp_path / "a").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(plan.bytes))
    assert len(list(sidd.run(plan, 1))) == 3


def test_only_what_is_missing_needs_space(sidd_folder, tmp_path):
    whole = sidd.plan(sidd_folder, tmp_path / "out", RandomWindows(16, 5, 0))
    list(sidd.run(whole, 1))
    (tmp_path / "out" / "input" / f"{OTHER}_010_000.png").unlink()
    rest = sidd.plan(sidd_folder, tmp_path / "out", RandomWindows(16, 5, 0))

    assert rest.bytes == whole.bytes // 15 > 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_that_takes_no_file_ends_the_run(sidd_folder, tmp_path, workers):
    plan = sidd.plan(sidd_folder, tmp_path / "out", RandomWindows(16, 5, 0))
    first = tmp_path / "out" / "input" / f".{SCENE}_010_000.png.part"
    first.mkdir(parents=True)  # in the way, for root too

    with pytest.raises(OSError, match=r"_010_000\.png"):
        list(sidd.run(plan, workers))
    assert first.is_dir()


def _die(given, go_on):
    os._exit(9)


def test_a_worker_that_was_killed_is_reported():
    with pytest.raises(DataError, match="a worker process was killed"):
        list(processes.run(_die, [1, 2], 2))
