"""Batches: a function of seed and step, real pairs aligned, shares as stated."""

import numpy as np
import pytest
import pyvips
import torch
from hypothesis import given
from hypothesis import strategies as st

from mirnet.data import dataset
from mirnet.errors import DataError

CPU = torch.device("cpu")


def photographs(count=3, side=160):
    rng = np.random.default_rng(0)
    return [
        torch.from_numpy(rng.integers(0, 256, (3, side, side), dtype=np.uint8))
        for _ in range(count)
    ]


def coordinates(side=40):
    """A pair in which every pixel tells its place; the clean half is the noisy one's negative."""
    rows, columns = np.mgrid[:side, :side]
    noisy = np.stack([rows, columns, rows * 0]).astype(np.uint8)
    return torch.from_numpy(noisy), torch.from_numpy(255 - noisy)


def data(real_share=0.0, seed=1, **changes):
    parts = {"photographs": photographs(), "real_pairs": [coordinates()]} | changes
    return dataset.DenoisingData(**parts, real_share=real_share, seed=seed)


def batch(source, step, **changes):
    return source.batch(step, **{"count": 4, "patch": 32, "device": CPU} | changes)


def test_a_batch_depends_on_seed_step_and_rank_alone():
    first = data(0.3)
    for step in (5, 6):
        batch(first, step)

    again = batch(data(0.3), 7)

    for one, other in zip(batch(first, 7), again, strict=True):
        assert torch.equal(one, other)
    for other in (batch(first, 8), batch(data(0.3, seed=2), 7), batch(first, 7, rank=1)):
        assert not torch.equal(other[0], again[0])


def test_patches_are_colour_in_range():
    for noisy_or_clean in batch(data(0.5), 0, count=6, patch=16):
        assert noisy_or_clean.shape == (6, 3, 16, 16)
        assert noisy_or_clean.dtype == torch.float32
        assert noisy_or_clean.min() >= 0
        assert noisy_or_clean.max() <= 1


def test_real_pairs_stay_aligned_and_reach_every_corner():
    source = data(1.0)
    corners = set()
    for step in range(40):
        noisy, clean = batch(source, step)
        torch.testing.assert_close(clean, 1 - noisy)
        corners |= {int(v) for v in (noisy[:, :2] * 255).round().flatten().unique()}

    assert corners == set(range(40))


def test_the_share_of_real_pairs_is_kept_on_average():
    source = data(0.25)

    is_real = [
        (noisy[:, 2] == 0).all((1, 2)) & (clean[:, 2] == 1).all((1, 2))
        for noisy, clean in (batch(source, step, count=8, patch=16) for step in range(60))
    ]

    assert torch.cat(is_real).float().mean() == pytest.approx(0.25, abs=0.06)


def test_some_patches_have_no_noise_at_all():
    source = data()

    same = [
        (noisy == clean).all((1, 2, 3))
        for noisy, clean in (batch(source, step, count=8, patch=16) for step in range(60))
    ]

    assert torch.cat(same).float().mean() == pytest.approx(dataset.IDENTITY_SHARE, abs=0.025)


def test_small_photographs_are_enlarged_rather_than_refused():
    noisy, clean = batch(data(photographs=photographs(side=40)), 0)

    assert noisy.shape == clean.shape == (4, 3, 32, 32)


def test_a_patch_larger_than_a_real_pair_is_refused():
    with pytest.raises(DataError, match="a patch of 48 does not fit into a picture of 40x40"):
        batch(data(1.0), 0, patch=48)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(array).write_to_file(str(path))


def test_files_are_read_as_they_are(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    save(tmp_path / "clean" / "a.png", pixels)
    save(tmp_path / "pairs" / "input" / "x.png", pixels)
    save(tmp_path / "pairs" / "groundtruth" / "x.png", 255 - pixels)

    loaded = dataset.load(tmp_path / "clean", real_pairs=tmp_path / "pairs", real_share=0.1, seed=3)

    expected = torch.from_numpy(pixels).permute(2, 0, 1)
    assert torch.equal(loaded.photographs[0], expected)
    assert torch.equal(loaded.real_pairs[0][0], expected)
    assert torch.equal(loaded.real_pairs[0][1], 255 - expected)


def test_an_empty_folder_a_grey_photograph_and_unlike_pairs_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no photographs"):
        dataset.load(tmp_path, real_pairs=None, real_share=0.0, seed=0)
    save(tmp_path / "grey.png", np.zeros((8, 8), np.uint8))
    with pytest.raises(DataError, match=r"grey.png: training wants 8-bit RGB"):
        dataset.load(tmp_path, real_pairs=None, real_share=0.0, seed=0)
    save(tmp_path / "input" / "x.png", np.zeros((8, 8, 3), np.uint8))
    save(tmp_path / "groundtruth" / "x.png", np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(DataError, match=r"differ in size: \(8, 8\) and \(8, 9\)"):
        dataset.load_pairs(tmp_path)


def test_real_pairs_alone_are_enough_where_every_patch_is_real(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    save(tmp_path / "input" / "x.png", pixels)
    save(tmp_path / "groundtruth" / "x.png", pixels)

    loaded = dataset.load(None, real_pairs=tmp_path, real_share=1.0, seed=0)

    assert torch.equal(*loaded.batch(0, count=2, patch=16, device=CPU))
    for pairs, share in ((tmp_path, 0.9), (None, 1.0)):
        with pytest.raises(DataError, match=r"set data.photographs .* or data.pairs"):
            dataset.load(None, real_pairs=pairs, real_share=share, seed=0)


def test_a_missing_folder_of_photographs_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone is no folder of photographs"):
        dataset.load(tmp_path / "gone", real_pairs=None, real_share=0.0, seed=0)


@given(height=st.integers(8, 12), width=st.integers(8, 12), seed=st.integers(0, 10**6))
def test_windows_lie_inside_and_anywhere(height, width, seed):
    rng = np.random.default_rng(seed)
    picture = torch.zeros(3, height, width, dtype=torch.uint8)

    starts = set()
    for _ in range(300):
        _, rows, columns = dataset._window(picture, 8, rng)
        assert picture[:, rows, columns].shape == (3, 8, 8)
        starts.add((rows.start, columns.start))

    assert {top for top, _ in starts} == set(range(height - 7))
    assert {left for _, left in starts} == set(range(width - 7))


def test_patches_are_turned_in_all_eight_ways():
    picture = torch.arange(3 * 16, dtype=torch.uint8).view(3, 4, 4)

    ways = {tuple(dataset._turn(picture, k)[0].flatten().tolist()) for k in range(8)}

    assert len(ways) == 8
