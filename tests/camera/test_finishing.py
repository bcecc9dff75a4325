"""Smoothing and sharpening against their formulas, SciPy and scikit-image."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage import data, filters

from mirnet.camera import finishing, jpeg
from mirnet.camera.description import Finishing

DEFAULT = Finishing()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def photograph():
    return torch.from_numpy(data.astronaut()[:96, 150:246]).permute(2, 0, 1)[None].float() / 255


def in_ycbcr(image):
    return torch.einsum("ij,bjhw->bihw", jpeg.TO_YCBCR, image)


def each(*figures, count=1):
    return torch.tensor([figures]).expand(count, 3).float()


@given(st.floats(0.5, 3), st.floats(0.5, 3), st.integers(0, 1000))
def test_blurring_is_scipys_with_a_deviation_for_each_channel(first, second, seed):
    image = torch.rand(1, 2, 20, 30, generator=generator(seed))

    found = finishing.blur(image, torch.tensor([[first, second]]))

    for channel, sigma in enumerate((first, second)):
        expected = ndimage.gaussian_filter(
            image[0, channel].numpy(), sigma, mode="mirror", radius=finishing.REACH
        )
        np.testing.assert_allclose(found[0, channel].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(("sigma", "amount"), [(0.6, 1.2), (1.5, 0.4)])
def test_sharpening_grey_is_scikit_images_unsharp_mask(photograph, sigma, amount):
    grey = photograph[:, 1:2].expand(1, 3, -1, -1)

    found = finishing.sharpen(grey, torch.tensor([sigma]), torch.tensor([amount]))

    expected = filters.unsharp_mask(grey[0, 0].numpy(), radius=sigma, amount=amount)
    inner = slice(8, -8)
    for channel in found[0].numpy():
        np.testing.assert_allclose(channel[inner, inner], expected[inner, inner], atol=2e-3)


def test_sharpening_leaves_the_chroma(photograph):
    dull = 0.3 + 0.4 * photograph  # nothing is clipped

    found = finishing.sharpen(dull, torch.tensor([1.0]), torch.tensor([0.8]))

    torch.testing.assert_close(in_ycbcr(found)[:, 1:], in_ycbcr(dull)[:, 1:], atol=1e-5, rtol=0)
    assert (found - dull).abs().max() > 0.05


def test_flat_noise_is_divided_by_one_more_than_the_strength_beside_its_mean():
    clean = torch.full((2, 3, 128, 128), 0.5)
    noisy = clean + 0.03 * torch.randn(clean.shape, generator=generator())
    sigma, strength = each(2, 2, 3, count=2), each(1, 3, 9, count=2)

    smoothed = finishing.smooth(noisy, clean, sigma, strength)

    before, after = in_ycbcr(noisy), in_ycbcr(smoothed)
    mean = finishing.blur(before, sigma)
    left = (after - mean).std((0, 2, 3)) / (before - mean).std((0, 2, 3))
    # the variance around a pixel is itself an estimate, hence the tolerance
    torch.testing.assert_close(left, 1 / (1 + strength[0]), atol=0.05, rtol=0.1)


def test_strong_smoothing_of_the_chroma_leaves_luma_noisy():
    clean = torch.full((1, 3, 64, 64), 0.5)
    noisy = clean + 0.05 * torch.randn(clean.shape, generator=generator())

    smoothed = finishing.smooth(noisy, clean, each(1, 3, 3), each(0, 30, 30))

    before, after = (in_ycbcr(image).std((0, 2, 3)) for image in (noisy, smoothed))
    torch.testing.assert_close(after[0], before[0])
    assert (after[1:] < 0.3 * before[1:]).all()


def test_edges_outlive_the_smoothing_and_noise_does_not():
    clean = torch.full((1, 3, 64, 64), 0.3)
    clean[..., 32:] = 0.7
    noisy = clean + 0.02 * torch.randn(clean.shape, generator=generator())

    smoothed = finishing.smooth(noisy, clean, each(2, 2, 2), each(4, 4, 4))

    step = smoothed[..., 32].mean() - smoothed[..., 31].mean()
    assert step > 0.9 * 0.4
    assert (smoothed - clean)[..., 40:].std() < 0.5 * (noisy - clean)[..., 40:].std()


def test_smoothing_is_nothing_without_noise_and_without_strength(photograph):
    clean = 0.1 + 0.8 * photograph
    noisy = clean + 0.02 * torch.randn(clean.shape, generator=generator())

    for picture, strength in ((clean, 10), (noisy, 0)):
        smoothed = finishing.smooth(picture, clean, each(2, 2, 2), each(*3 * [strength]))
        torch.testing.assert_close(smoothed, picture.clamp(0, 1), atol=1e-4, rtol=0)


def test_the_clean_picture_smoothed_alike_is_the_mean_of_many_smoothed_shots(photograph):
    clean = 0.1 + 0.8 * photograph
    shots = (clean + 0.04 * torch.randn(200, *clean.shape[1:], generator=generator())).clamp(0, 1)
    each_shot = each(1.5, 2, 2), each(3, 9, 9)
    figures = [figure.expand(len(shots), 3) for figure in each_shot]

    mean = finishing.smooth(shots, clean.expand_as(shots), *figures).mean(0, keepdim=True)
    alike = finishing.smooth_alike(clean, shots[:1], clean, *each_shot)

    assert (alike - mean).square().mean() < 0.3 * (clean - mean).square().mean()


def test_the_clean_picture_keeps_its_texture_unless_the_camera_is_to_take_it(photograph):
    noisy = (photograph + 0.05 * torch.randn(photograph.shape, generator=generator())).clamp(0, 1)
    always = {"share": 1.0, "smoothed_share": 1.0, "sharpened_share": 0.0, "jpeg_share": 0.0}

    kept = finishing.finish(noisy, photograph, generator(), Finishing(**always))
    taken = finishing.finish(
        noisy, photograph, generator(), Finishing(**always, smooths_clean=True)
    )

    torch.testing.assert_close(kept[0], taken[0], rtol=0, atol=0)
    torch.testing.assert_close(kept[1], photograph, rtol=0, atol=0)
    assert (taken[1] - photograph).abs().max() > 0.01


def test_pictures_of_a_batch_are_finished_alone(photograph):
    batch = torch.cat([photograph, photograph.flip(3)])
    noisy = (batch + 0.05 * torch.randn(batch.shape, generator=generator())).clamp(0, 1)
    sigma, strength = torch.tensor([[1.0, 2, 2], [2, 3, 3]]), torch.tensor([[1.0, 5, 5], [3, 9, 9]])

    together = finishing.smooth(noisy, batch, sigma, strength)

    for k in range(2):
        one = slice(k, k + 1)
        alone = finishing.smooth(noisy[one], batch[one], sigma[one], strength[one])
        torch.testing.assert_close(together[one], alone)


def test_cameras_smooth_chroma_more_than_luma(recording):
    calls = recording(finishing, "smooth")

    finishing.finish(*2 * (torch.rand(400, 3, 16, 16, generator=generator()),), generator())

    _, _, reach, strength = calls[0]
    assert len(reach) / 400 == pytest.approx(DEFAULT.share * DEFAULT.smoothed_share, abs=0.06)
    luma, blue, red = strength.log().mean(0)
    assert blue == red > luma + 1
    assert reach[:, 1].mean() > reach[:, 0].mean()


def test_a_finished_pictures_truth_is_sharpened_alike(recording):
    calls = recording(finishing, "sharpen")
    scenes = torch.rand(100, 3, 16, 16, generator=generator())

    _, clean = finishing.finish(scenes, scenes, generator())

    (_, *noisy_figures), (_, *clean_figures) = calls
    for one, other in zip(noisy_figures, clean_figures, strict=True):
        assert torch.equal(one, other)
    changed = (clean != scenes).any((1, 2, 3))
    assert changed.sum() == len(clean_figures[0])
    assert changed.float().mean() == pytest.approx(DEFAULT.share * DEFAULT.sharpened_share, abs=0.1)


def test_some_are_as_developed_from_raw_files():
    noisy, clean = torch.rand(2, 300, 3, 16, 16, generator=generator()).unbind()

    finished = finishing.finish(noisy, clean, generator())

    same = [(x == y).all((1, 2, 3)) for x, y in zip((noisy, clean), finished, strict=True)]
    assert (same[0] & same[1]).float().mean() == pytest.approx(1 - DEFAULT.share, abs=0.07)


def test_black_and_white_is_luma_in_all_channels(photograph):
    found = finishing.grey(photograph)

    expected = in_ycbcr(photograph)[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(found, expected)
