"""What is varied: how strong the noise is."""

import numpy as np
import pytest
import torch

from mirnet.camera import light
from mirnet.training.samples import augment

THREEFOLD, FOURFOLD = (torch.full((3, 1, 1), float(factor)) for factor in (3, 4))


def noisy_flat(level=0.4, deviation=0.02, side=128):
    """Noise that adds in linear light, as a file of 8 bits has it, and its truth."""
    generator = torch.Generator().manual_seed(0)
    clean = torch.full((3, side, side), round(level * 255) / 255)
    noise = deviation * torch.randn(clean.shape, generator=generator)
    noisy = light.to_srgb(light.from_srgb(clean) + noise)
    return (noisy * 255).round() / 255, clean


def test_each_factor_is_as_likely():
    rng = np.random.default_rng(0)

    factors = torch.stack([augment.gains(3.0, 1.1, rng).flatten() for _ in range(2000)]).log()

    of_all = factors.mean(1)
    assert factors.min() > -np.log(1.1)
    assert factors.max() < np.log(3 * 1.1)
    assert of_all.mean() == pytest.approx(np.log(3) / 2, abs=0.03)
    assert of_all.std() == pytest.approx(np.log(3) / 12**0.5, abs=0.03)
    apart = factors.max(1).values - factors.min(1).values
    assert apart.max() == pytest.approx(2 * np.log(1.1), rel=0.1)


def test_the_noise_of_each_channel_becomes_stronger_by_its_factor():
    noisy, clean = noisy_flat()
    gains = torch.tensor([1.0, 2, 3])
    rng = np.random.default_rng(0)

    amplified = augment.amplify(noisy, clean, gains[:, None, None], 1 / 255, rng)

    before, after = (light.from_srgb(half) - light.from_srgb(clean) for half in (noisy, amplified))
    torch.testing.assert_close(after.std((1, 2)) / before.std((1, 2)), gains, rtol=0.02, atol=0)


def test_it_is_amplified_in_linear_light_where_its_mean_is_nought():
    noisy, clean = noisy_flat()
    rng = np.random.default_rng(1)

    amplified = augment.amplify(noisy, clean, FOURFOLD, 1 / 255, rng)

    linear = light.from_srgb(amplified) - light.from_srgb(clean)
    assert linear.std() > 0.03
    assert abs(linear.mean()) < 0.002
    assert (amplified - clean).mean() < -0.005  # what is seen is darker, as at high ISO


def test_amplified_noise_has_every_level_and_no_comb():
    noisy, clean = noisy_flat(deviation=0.005)

    def gaps(step):
        """The largest distance between levels of green that occur, but for the rare ones."""
        amplified = augment.amplify(noisy, clean, THREEFOLD, step, np.random.default_rng(7))
        green = (amplified[1] * 255).round().numpy()
        low, high = np.percentile(green, [5, 95])
        return np.diff(np.unique(green[(green >= low) & (green <= high)])).max()

    assert gaps(0.0) >= 2
    assert gaps(1 / 255) == 1


def test_halves_that_are_apart_do_not_part_further():
    """The noise of a pair whose truth is a pixel off; the edges stay where the camera saw them."""
    generator = torch.Generator().manual_seed(0)
    squares = torch.rand(3, 17, 17, generator=generator).repeat_interleave(4, 1)
    scene = 0.2 + 0.5 * squares.repeat_interleave(4, 2)
    clean, seen = scene[:, :64, :64], scene[:, 1:65, :64]
    noisy = (seen + 0.01 * torch.randn(seen.shape, generator=generator)).clamp(0, 1)

    amplified = augment.amplify(noisy, clean, FOURFOLD, 1 / 255, np.random.default_rng(0))

    noise = light.from_srgb(amplified) - light.from_srgb(seen)
    before = light.from_srgb(noisy) - light.from_srgb(seen)
    at_edges = (clean != seen).any(0)
    inside = torch.zeros_like(at_edges)
    inside[2:-2, 2:-2] = True  # at its border a patch does not tell what the camera saw
    for places in (at_edges & inside, ~at_edges & inside):
        assert noise[:, places].std() / before[:, places].std() == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_patch_of_one_colour_without_noise_stays(level):
    flat = torch.full((3, 16, 16), level)

    amplified = augment.amplify(flat, flat, FOURFOLD, 0.0, np.random.default_rng(0))

    torch.testing.assert_close(amplified, flat, atol=2e-5, rtol=0)


def test_what_is_amplified_stays_between_black_and_white():
    noisy, clean = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    amplified = augment.amplify(noisy, clean, FOURFOLD, 1 / 255, np.random.default_rng(0))

    assert amplified.isfinite().all()
    assert amplified.min() >= 0
    assert amplified.max() <= 1
