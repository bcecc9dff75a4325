"""The losses and their gradients at the places where they might fail."""

import math

import pytest
import torch

from mirnet.training.loss import charbonnier, minus_psnr


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


def test_minus_psnr_is_the_mean_over_the_patches_in_decibels():
    clean = torch.rand(2, 3, 16, 16)
    noisy = clean + torch.tensor([0.3, 0.1])[:, None, None, None]  # 10.46 and 20 dB

    assert minus_psnr(noisy, clean).item() == pytest.approx(-15.23, abs=0.01)


def test_minus_psnr_stops_at_one_level():
    image = torch.rand(2, 3, 4, 4, requires_grad=True)

    loss = minus_psnr(image, image.detach())
    loss.backward()

    assert loss.item() == pytest.approx(20 * math.log10(1 / 255))
    assert not image.grad.any()  # and no NaN


def test_minus_psnr_gives_the_nearer_patch_the_larger_gradient():
    restored = torch.tensor([1.1, 1.01]).repeat(3, 8, 8, 1).permute(3, 0, 1, 2).requires_grad_()

    minus_psnr(restored, torch.ones(2, 3, 8, 8)).backward()

    far, near = restored.grad.flatten(1).norm(dim=1)  # beyond the range, too
    assert near / far == pytest.approx(10 / (1 + (100 / 255) ** 2), rel=2e-2)
