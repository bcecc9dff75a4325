"""The check after export sees what is wrong, wherever that shows."""

import numpy as np
import pytest

from mirnet.export import check
from mirnet.models.facts import Facts
from mirnet.runtimes.pytorch import PyTorchRuntime


class Spoilt:
    """A network whose results are spoilt for some batches."""

    name = "spoilt"
    facts = Facts()

    def __init__(self, weights, spoil):
        self.network = PyTorchRuntime.of(weights.network())
        self.spoil = spoil
        self.shapes = []

    def __call__(self, batch):
        self.shapes.append(batch.shape)
        return self.spoil(batch, self.network(batch))

    def close(self):
        pass


def is_a_scene(batch):
    """Of noise neighbours differ by a third on average."""
    return np.abs(np.diff(batch)).mean() < 0.2


def test_the_same_network_differs_by_nothing(weights):
    assert check.difference(weights, Spoilt(weights, lambda batch, restored: restored)) == 0


@pytest.mark.parametrize("where", [is_a_scene, lambda batch: not is_a_scene(batch)])
def test_neither_noise_nor_scene_alone_would_do(weights, where):
    spoilt = Spoilt(weights, lambda batch, restored: restored + 0.25 * where(batch))

    assert check.difference(weights, spoilt) == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("size", check.sizes(Facts()))
def test_one_value_of_one_picture_is_enough(weights, size):
    batch, height, width = size

    def spoil(given, restored):
        if given.shape == (batch, 3, height, width):
            restored[-1, 1, -1, -1] += 0.5
        return restored

    assert check.difference(weights, Spoilt(weights, spoil)) == pytest.approx(0.5, abs=1e-6)


def test_a_model_of_one_size_is_checked_at_that(weights):
    spoilt = Spoilt(weights, lambda batch, restored: restored)

    check.difference(weights, spoilt, (36, 48))

    assert set(spoilt.shapes) == {(1, 3, 36, 48)}


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_a_scene_has_lights_darks_edges_and_is_the_same_every_time(channels):
    scene = check.scene(channels, 64, 96, seed=0)

    assert scene.shape == (channels, 64, 96)
    assert (scene.dtype, scene.min() >= 0, scene.max() == 1) == (np.float32, True, True)
    assert (scene < 0.1).mean() > 0.03
    assert np.abs(np.diff(scene[0])).max() > 0.5
    np.testing.assert_array_equal(check.scene(channels, 64, 96, seed=0), scene)
    assert (check.scene(channels, 64, 96, seed=1) != scene).any()
