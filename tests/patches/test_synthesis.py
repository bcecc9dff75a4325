"""Synthetic pairs depend on seed, photograph and number alone."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("torch")

from mirnet.camera import noise
from mirnet.errors import DataError
from mirnet.patches import patch_folder, synthesis

SIDE = 32 + 2 * noise.MARGIN


@pytest.fixture
def photographs(tmp_path, save, picture):
    """Two photographs, one of them just large enough for a patch of 32."""
    save(tmp_path / "photographs" / "a.png", pixels=picture(SIDE, SIDE, seed=1))
    save(tmp_path / "photographs" / "b.png", pixels=picture(90, 120, seed=2))
    return tmp_path / "photographs"


def make(source, folder, *, patch=32, per_image=3, seed=0, **shard):
    plan = synthesis.plan(source, folder, patch=patch, per_image=per_image, seed=seed, **shard)
    return plan, list(synthesis.run(plan))


def tree(top):
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in top.rglob("*")
        if path.is_file()
    }


def test_each_photograph_gives_noisy_and_clean_patches(photographs, tmp_path, load):
    plan, results = make(photographs, tmp_path / "out")

    assert (plan.pictures, plan.patches, plan.missing) == (2, 6, 6)
    assert [(result.name, result.patches) for result in results] == [("a", 3), ("b", 3)]
    names = {f"{stem}_{number:03}.png" for stem in "ab" for number in range(3)}
    for half in ("input", "groundtruth"):
        assert {path.name for path in (tmp_path / "out" / half).iterdir()} == names
    noisy, clean = (
        np.stack([load(tmp_path / "out" / half / name) for name in sorted(names)]).astype(float)
        for half in ("input", "groundtruth")
    )
    assert noisy.shape == clean.shape == (6, 32, 32, 3)
    assert np.abs(noisy - clean).mean() > 1
    for a, b in zip(noisy, clean, strict=True):  # of one scene, not of two
        assert np.abs(a.mean() - b.mean()) < 25


def test_patches_are_different_and_come_from_everywhere(photographs, tmp_path):
    make(photographs, tmp_path / "out", per_image=4)

    assert len(set(tree(tmp_path / "out").values())) == 2 * 8 + 1


@pytest.mark.parametrize("order", [(0, 1), (4, 2, 0, 3, 1)])
def test_shards_in_any_order_write_what_one_run_writes(photographs, tmp_path, save, order):
    for stem in "cde":
        save(photographs / f"{stem}.png", SIDE, SIDE)
    make(photographs, tmp_path / "one")

    plans = [make(photographs, tmp_path / "out", shard=(number, len(order)))[0] for number in order]

    assert tree(tmp_path / "out") == tree(tmp_path / "one")
    assert sum(plan.patches for plan in plans) == 15
    names = [name for plan in plans for job in plan.jobs for name in job.patches]
    assert len(set(names)) == len(names) == 15
    assert make(photographs, tmp_path / "out")[0].missing == 0


def test_many_processes_may_start_at_the_same_time(tmp_path):
    asked = {"seed": 0}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: patch_folder.start(tmp_path / "out", asked), range(32)))

    assert json.loads((tmp_path / "out" / "patches.json").read_text()) == asked
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "groundtruth",
        "input",
        "patches.json",
    ]
    with pytest.raises(DataError, match="seed 0, and seed 1 was given"):
        patch_folder.start(tmp_path / "out", {"seed": 1})


def test_a_patch_depends_on_seed_photograph_and_number_alone(photographs, tmp_path, save, picture):
    make(photographs, tmp_path / "one", per_image=2)
    save(photographs / "aa.png", pixels=picture(80, 80, seed=3))
    make(photographs, tmp_path / "two", per_image=3)
    make(photographs, tmp_path / "three", per_image=2, seed=1)

    one, two, three = (tree(tmp_path / name) for name in ("one", "two", "three"))
    assert len(one) == 2 * 4 + 1
    for name in one.keys() - {"patches.json"}:
        assert one[name] == two[name] != three[name]


def test_photographs_may_be_added_later(photographs, tmp_path, save, picture):
    make(photographs, tmp_path / "out")
    before = tree(tmp_path / "out")
    save(photographs / "aa.png", pixels=picture(80, 80, seed=3))
    plan, results = make(photographs, tmp_path / "out")

    assert [result.name for result in results] == ["aa"]
    assert (plan.patches, plan.missing) == (9, 3)
    after = tree(tmp_path / "out")
    assert len(after) == len(before) + 6
    assert {name: after[name] for name in before} == before


def test_a_run_goes_on_where_another_stopped(photographs, tmp_path):
    make(photographs, tmp_path / "out")
    whole = tree(tmp_path / "out")
    for name in ("input/a_002.png", "groundtruth/a_002.png", "groundtruth/b_001.png"):
        (tmp_path / "out" / name).unlink()
    plan, _ = make(photographs, tmp_path / "out")

    assert plan.missing == 2
    assert tree(tmp_path / "out") == whole


def test_photographs_that_cannot_be_used_are_named(photographs, tmp_path, save, picture):
    save(photographs / "deep.png", pixels=picture(90, 90, dtype=np.uint16))
    save(photographs / "grey.png", pixels=picture(90, 90, channels=1))
    save(photographs / "small.png", SIDE - 1, 200)
    (photographs / "broken.jpg").write_bytes(b"nothing")
    (photographs / "notes.txt").write_text("no photograph")
    plan, results = make(photographs, tmp_path / "out")

    assert [result.name for result in results] == ["a", "b"]
    assert [result.name for result in plan.unusable] == [
        "broken.jpg",
        "deep.png",
        "grey.png",
        "small.png",
    ]
    errors = [result.error for result in plan.unusable]
    assert "broken.jpg cannot be read" in errors[0]
    assert errors[1].endswith("deep.png: the camera model needs 8-bit RGB, this is uint16, RGB")
    assert errors[2].endswith("grey.png: the camera model needs 8-bit RGB, this is uint8, grey")
    assert "small.png: 200x63 is less than a patch and its margin, 64 a side" in errors[3]


def test_a_photograph_that_ends_too_soon_is_reported_and_the_rest_is_done(photographs, tmp_path):
    path = photographs / "a.png"
    path.write_bytes(path.read_bytes()[:5000])
    _, (first, second) = make(photographs, tmp_path / "out")

    assert (first.patches, second.patches) == (0, 3)
    assert "a.png cannot be read" in first.error


@pytest.mark.parametrize("patch", [0, -16, 40])
def test_a_patch_is_a_multiple_of_16(photographs, tmp_path, patch):
    with pytest.raises(DataError, match=f"multiple of 16, got {patch}"):
        make(photographs, tmp_path / "out", patch=patch)


def test_what_cannot_work_is_refused_with_nothing_written(photographs, tmp_path, save):
    with pytest.raises(DataError, match="is not a folder of photographs"):
        make(tmp_path / "gone", tmp_path / "out")
    with pytest.raises(DataError, match="among the pictures"):
        make(photographs, photographs / "out")
    save(photographs / "a.jpg", 90, 90)
    with pytest.raises(DataError, match=r"a\.jpg and a\.png would have the same names"):
        make(photographs, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no photographs"):
        make(tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_patches_made_otherwise_are_not_mixed(photographs, tmp_path):
    make(photographs, tmp_path / "out")

    with pytest.raises(DataError, match="made with seed 0, and seed 1 was given"):
        make(photographs, tmp_path / "out", seed=1)
