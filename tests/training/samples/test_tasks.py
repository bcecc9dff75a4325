"""Tasks: each makes inputs and targets with the channels and the scale that it states."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from dual_pixel import write

from mirnet.camera.description import Camera, Darkening, Editing, Finishing, Shrinking
from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.sources import open as open_pairs
from mirnet.training.recipe import Network, Recipe, Span, Stage
from mirnet.training.samples.dataset import TrainingData
from mirnet.training.samples.developing import DEVELOP
from mirnet.training.samples.request import Request
from mirnet.training.samples.tasks import TASKS

CPU = torch.device("cpu")


def recipe(task, scale=1, **options):
    network = Network(width=8, groups=(1,), scale=scale, in_channels=TASKS[task].in_channels)
    stages = (Stage(Span("4 steps"), 32, 2),)
    return Recipe(network=network, stages=stages, task=task, **options)


def data(side=160, scale=1, pairs=None, **options):
    rng = np.random.default_rng(0)
    picture = torch.from_numpy(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
    shares = {"real_share": 0.5, "drawn_share": 0.3, "field_share": 0.1} | options
    return TrainingData([picture], pairs, **shares, seed=1, scale=scale)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", TASKS)
def test_inputs_and_targets_are_as_stated(name, scale, tmp_path):
    task = TASKS[name]
    scale = scale if task.enlarges else 1

    develop = DEVELOP[name](recipe(name, scale))
    source = data(scale=scale)
    if task.views == 2:
        source = replace(
            source, photographs=[], pairs=open_pairs(write(tmp_path, "ab"), views=2), real_share=1.0
        )
    batch = source[Request(0, 6, 32)]
    inputs, targets = develop(batch, CPU)
    again, _ = develop(batch, CPU)

    assert inputs.shape == (6, task.in_channels, 32, 32)
    assert targets.shape == (6, task.out_channels, 32 * scale, 32 * scale)
    assert not torch.equal(targets[:, 0], targets[:, 1])
    assert inputs.min() >= 0 and inputs.max() <= 1
    torch.testing.assert_close(again, inputs, rtol=0, atol=0)


def test_noise_comes_of_the_recipes_camera():
    plain = Camera(finishing=Finishing(share=0.0), editing=Editing(grey_share=1.0))

    _, grey = DEVELOP["denoise"](recipe("denoise", camera=plain))(data()[Request(0, 6, 32)], CPU)

    torch.testing.assert_close(grey[:, 0], grey[:, 1])


def test_dark_pictures_lack_the_light_that_their_targets_have():
    """Where the camera does nothing else, means differ by the stops."""
    camera = Camera(finishing=Finishing(share=0.0), editing=Editing(resized_share=0.0))
    means = []
    for stops in (0.5, 2.0, 4.0):
        how = Darkening(stops=(stops, stops))
        develop = DEVELOP["brighten"](recipe("brighten", camera=camera, darkening=how))
        dark, light = develop(data(drawn_share=0.0, field_share=0.0)[Request(0, 16, 32)], CPU)
        is_same = (dark == light).flatten(1).all(1)
        assert 0 < is_same.sum() < 8  # some keep their light
        means.append((dark[~is_same].mean() / light[~is_same].mean()).item())
        usual, _ = DEVELOP["denoise"](recipe("denoise", camera=camera))(
            data(drawn_share=0.0, field_share=0.0)[Request(0, 16, 32)], CPU
        )
        assert usual.shape == dark.shape

    assert 1 > means[0] > means[1] > means[2]
    assert means[2] < 0.45


def test_small_pictures_lie_exactly_over_large_ones():
    """Without noise, the mean of each square is close to the small picture's pixel."""
    how = Shrinking(noisy_share=0.0, jpeg_share=0.0, kernels=("area",), soft_share=0.0)

    develop = DEVELOP["enlarge"](recipe("enlarge", 2, shrinking=how))
    small, large = develop(data(scale=2, field_share=0.0)[Request(0, 4, 32)], CPU)

    is_plain = data(scale=2, field_share=0.0)[Request(0, 4, 32)].is_clean
    means = torch.nn.functional.avg_pool2d(large, 2)
    assert not is_plain.all()
    torch.testing.assert_close(small[~is_plain], means[~is_plain], rtol=0, atol=0.6 / 255)


@pytest.fixture
def save_pairs(tmp_path, save, picture):
    """A function that writes two pairs with halves of these sizes."""

    def write(noisy, clean):
        for seed in (1, 2):
            save(tmp_path / "lr" / f"{seed}x2.png", pixels=picture(*noisy, seed=seed))
            save(tmp_path / "hr" / f"{seed}.png", pixels=picture(*clean, seed=seed))
        return tmp_path

    return write


def test_real_pairs_take_part_whatever_their_size(save_pairs):
    folder = save_pairs((40, 50), (81, 100))  # an odd row has no pixel in the small half
    pairs = open_pairs(folder, 2)

    batch = data(scale=2, pairs=pairs)[Request(0, 4, 32)]
    inputs, targets = DEVELOP["enlarge"](recipe("enlarge", 2))(batch, CPU)

    assert len(batch.noisy) == 2
    assert isinstance(pairs, PairFolder)
    assert [half.shape for half in pairs.whole(0)] == [(40, 50, 3), (80, 100, 3)]
    assert (inputs.shape, targets.shape) == ((4, 3, 32, 32), (4, 3, 64, 64))
    noisy, clean = pairs.crop(0, 9, (0.5, 0.999))
    whole = pairs.whole(0)
    np.testing.assert_array_equal(noisy, whole[0][16:25, 41:50])
    np.testing.assert_array_equal(clean, whole[1][32:50, 82:100])


def test_pairs_of_one_size_are_shrunk_as_realsr_needs_it(save_pairs):
    folder = save_pairs((75, 90), (75, 90))
    pairs = open_pairs(folder, 2)

    noisy, clean = pairs.whole(1)
    crop = pairs.crop(1, 32, (0.9, 0.1))

    assert (noisy.shape, clean.shape, noisy.dtype) == ((37, 45, 3), (74, 90, 3), np.uint8)
    squares = clean.reshape(37, 2, 45, 2, 3).astype(float).mean((1, 3))
    assert np.abs(noisy - squares).max() <= 0.5
    assert [half.shape for half in crop] == [(32, 32, 3), (64, 64, 3)]
    pairs.check(37)


def test_there_is_a_way_for_each_task():
    assert DEVELOP.keys() == TASKS.keys()
