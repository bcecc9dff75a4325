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


def field(level, *, darker=0.0):
    """A clean field of one colour, and the same with noise of a mean of `-darker`."""
    clean = torch.full((1, 3, 8, 8), level)
    noise = torch.tensor([0.02, -0.02]).repeat(1, 3, 8, 4)
    return clean, clean + noise - darker


def test_shadows_that_are_closed_count_more():
    clean, restored = field(0.1, darker=0.01)
    plain = 0.02**2 + 0.01**2

    loss = minus_psnr(restored, clean, shadows=50.0)

    expected = 10 * math.log10(plain + 50 * 0.01**2 + (1 / 255) ** 2)
    assert loss.item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("level", "darker"), [(0.1, -0.01), (0.3, 0.01)], ids=["too bright", "no shadow"]
)
def test_other_means_count_as_before(level, darker):
    clean, restored = field(level, darker=darker)

    assert minus_psnr(restored, clean, shadows=50.0) == minus_psnr(restored, clean)


def test_pictures_in_the_dark_count_as_before():
    clean = 0.1 * torch.rand(1, 3, 8, 8)

    assert minus_psnr(clean - 0.01, clean, shadows=50.0) == minus_psnr(clean - 0.01, clean)


def test_of_several_patches_only_closed_shadows_count_more():
    (dark, darker), (bright, dimmer) = field(0.1, darker=0.01), field(0.3, darker=0.01)

    both = minus_psnr(torch.cat([darker, dimmer]), torch.cat([dark, bright]), shadows=50.0)

    each = minus_psnr(darker, dark, shadows=50.0), minus_psnr(dimmer, bright)
    torch.testing.assert_close(both, sum(each) / 2)
