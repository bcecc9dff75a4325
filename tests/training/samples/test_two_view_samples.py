"""Patches of two views stay such as a dual-pixel sensor sees, however they are mirrored."""

from itertools import product

import numpy as np
import pytest
import torch
from dual_pixel import scene, views, write

from mirnet.pairs import sources
from mirnet.training.samples import augment
from mirnet.training.samples.dataset import TrainingData, develop
from mirnet.training.samples.request import Request

CPU = torch.device("cpu")


def stacked(sharp):
    return np.concatenate(views(sharp), axis=2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("which", range(augment.MIRRORED))
def test_mirrored_views_are_those_of_the_mirrored_scene(which, dtype):
    sharp = scene(32, 32, dtype=dtype)
    mirrored = sharp[:: -1 if which % 2 else 1, :: -1 if which >= 2 else 1]

    seen, clean = augment.mirror_views(stacked(sharp), sharp, which)

    np.testing.assert_array_equal(clean, mirrored)
    np.testing.assert_array_equal(seen, stacked(mirrored))


def test_a_scene_that_is_turned_has_other_views():
    """That is why patches are neither turned nor mirrored without exchange of the views."""
    sharp = scene(32, 32)
    for turned in (np.rot90, lambda picture: picture.transpose(1, 0, 2), np.fliplr):
        assert (turned(stacked(sharp)) != stacked(turned(sharp))).mean() > 0.5


@pytest.fixture
def data(tmp_path):
    pairs = sources.open(write(tmp_path, "ab"), views=2)
    return TrainingData([], pairs, real_share=1.0, drawn_share=0.0, field_share=0.0, seed=5)


def test_batches_have_six_channels_in_and_three_out(data):
    noisy, clean = develop(data[Request(0, 5, 16)], CPU)

    assert noisy.shape == (5, 6, 16, 16)
    assert clean.shape == (5, 3, 16, 16)
    assert noisy.dtype == clean.dtype == torch.float32
    assert noisy.min() >= 0 and noisy.max() <= 1


def test_every_patch_is_that_of_a_sensor_and_all_four_ways_come_up(data):
    """Found again in the pair it was cut from, in one of the four ways."""
    noisy, clean = develop(data[Request(0, 24, 32)], CPU)

    ways = []
    for index, which in product(range(2), range(augment.MIRRORED)):
        halves = augment.mirror_views(*data.pairs.whole(index), which)
        nine = np.concatenate(halves, axis=2).astype(np.float32) / np.float32(65535)
        ways.append((which, torch.from_numpy(nine)))
    found = set()
    for six, three in zip(noisy, clean, strict=True):
        patch = torch.cat([six, three]).permute(1, 2, 0)
        matching = [which for which, whole in ways if is_part(whole, patch)]
        assert len(matching) == 1
        found.update(matching)
    assert found == set(range(augment.MIRRORED))


def is_part(whole, patch):
    """Whether the patch lies somewhere in the picture, to a rounding error."""
    side = len(patch)
    corners = whole[: len(whole) - side + 1, : whole.shape[1] - side + 1, 0] - patch[0, 0, 0]
    return any(
        torch.allclose(whole[y : y + side, x : x + side], patch, rtol=0, atol=1e-6)
        for y, x in (corners.abs() < 1e-6).nonzero().tolist()
    )


def test_mixup_blends_views_with_views(tmp_path):
    pairs = sources.open(write(tmp_path, "ab"), views=2)
    data = TrainingData(
        [], pairs, real_share=1.0, drawn_share=0.0, field_share=0.0, seed=5, mixup=1.2
    )

    noisy, _ = develop(data[Request(0, 4, 16, mixes=True)], CPU)

    assert noisy.shape == (4, 6, 16, 16)
