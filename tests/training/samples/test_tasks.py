"""Tasks: each makes inputs and targets with the channels that it states."""

import numpy as np
import pytest
import torch

from mirnet.camera.description import Camera, Editing, Finishing
from mirnet.training.samples.dataset import DEVELOP, TrainingData
from mirnet.training.samples.request import Request
from mirnet.training.samples.tasks import TASKS


@pytest.mark.parametrize("name", TASKS)
def test_inputs_and_targets_are_as_stated_and_come_of_the_camera(name):
    task, develop = TASKS[name], DEVELOP[name]
    rng = np.random.default_rng(0)
    picture = torch.from_numpy(rng.integers(0, 256, (80, 80, 3), dtype=np.uint8))
    data = TrainingData([picture], None, real_share=0.0, drawn_share=0.3, field_share=0.1, seed=1)
    batch = data[Request(0, 6, 32)]
    plain = Camera(finishing=Finishing(share=0.0), editing=Editing(grey_share=1.0))

    inputs, targets = develop(batch, torch.device("cpu"), Camera())
    _, grey = develop(batch, torch.device("cpu"), plain)

    assert inputs.shape == (6, task.in_channels, 32, 32)
    assert targets.shape == (6, task.out_channels, 32, 32)
    assert not torch.equal(targets[:, 0], targets[:, 1])
    torch.testing.assert_close(grey[:, 0], grey[:, 1])


def test_there_is_a_way_for_each_task():
    assert DEVELOP.keys() == TASKS.keys()
