"""Validation: whole pictures, padded and clipped, means and samples."""

from pathlib import Path

import numpy as np
import pytest
from lightning_fabric import Fabric

from mirnet import metrics
from mirnet.models.mirnetv2.network import MIRNetV2
from mirnet.pairs import sources
from mirnet.training import validation


class Brighter(MIRNetV2):
    """Adds to what it is given, of sides that are multiples of its own."""

    def __init__(self, more, **options):
        super().__init__(width=4, groups=(1,), blocks_per_group=1, **options)
        self.more = more

    def forward(self, x):
        multiple = self.configuration.multiple
        assert x.shape[2] % multiple == x.shape[3] % multiple == 0
        return x + self.more


@pytest.fixture
def pairs(here, save, picture):
    save(here / "pairs" / "input" / "y.png", pixels=picture(40, 40, seed=7))
    save(here / "pairs" / "groundtruth" / "y.png", pixels=picture(40, 40, seed=8))
    return sources.open(Path("pairs"))


def expected(pairs, change, metric):
    halves = [pairs.whole(index) for index in range(len(pairs))]
    return np.mean([metric(change(noisy), clean, data_range=255) for noisy, clean in halves])


@pytest.mark.parametrize("options", [{}, {"unshuffle": 2, "window": 48}])
@pytest.mark.parametrize(
    ("more", "change"), [(0, lambda noisy: noisy), (7, lambda noisy: np.full_like(noisy, 255))]
)
def test_pictures_of_any_size_are_measured_whole_and_clipped(pairs, more, change, options):
    assert pairs.whole(0)[0].shape[0] % 4
    fabric = Fabric(accelerator="cpu", devices=1)

    scores, _ = validation.measure(Brighter(more, **options), pairs, fabric, pictures=0)

    assert scores.psnr == pytest.approx(expected(pairs, change, metrics.psnr), abs=1e-4)
    assert scores.ssim_y == pytest.approx(expected(pairs, change, metrics.ssim_y), abs=1e-4)


def test_samples_show_noisy_restored_and_clean_beside_each_other(pairs):
    fabric = Fabric(accelerator="cpu", devices=1)

    _, samples = validation.measure(Brighter(1), pairs, fabric, pictures=1)

    noisy, clean = pairs.whole(0)
    (sample,) = samples
    assert sample.name == pairs.name(0)
    white = np.full_like(noisy, 255)
    np.testing.assert_array_equal(sample.image, np.concatenate([noisy, white, clean], 1))
