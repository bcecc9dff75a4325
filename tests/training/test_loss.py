"""The loss and its gradient at the places where they might fail."""

import pytest
import torch

from mirnet.training.loss import charbonnier


@pytest.mark.parametrize("epsilon", [1e-3, 0.0])
def test_there_is_a_gradient_beyond_the_range(epsilon):
    restored = torch.tensor([[[[1.5, -0.5]]]], requires_grad=True)

    charbonnier(restored, torch.tensor([[[[1.0, 0.0]]]]), epsilon).backward()

    torch.testing.assert_close(restored.grad, torch.tensor([[[[0.5, -0.5]]]]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("epsilon", [1e-2, 0.0])
def test_the_loss_of_equal_pictures_is_epsilon(epsilon):
    image = torch.rand(2, 3, 4, 4, requires_grad=True)

    loss = charbonnier(image, image.detach(), epsilon)
    loss.backward()

    assert loss.item() == pytest.approx(epsilon)
    assert not image.grad.any()  # and no NaN
