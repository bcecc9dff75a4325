"""JPEG's loss against libjpeg's."""

import numpy as np
import pytest
import pyvips
import torch
from skimage import data

from mirnet.camera import jpeg

ASTRONAUT = data.astronaut()[:160, 160:320]


def by_libjpeg(pixels, quality, *, subsample):
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    mode = "on" if subsample else "off"
    return pyvips.Image.new_from_buffer(image.jpegsave_buffer(Q=quality, subsample_mode=mode), "")


def by_us(pixels, quality, *, subsample):
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    out = jpeg.compress(image, torch.tensor([float(quality)]), torch.tensor([subsample]))
    return (out[0].permute(1, 2, 0) * 255).numpy()


@pytest.mark.parametrize("subsample", [False, True])
@pytest.mark.parametrize("quality", [30, 75, 95])
def test_it_loses_what_libjpeg_loses(quality, subsample):
    expected = by_libjpeg(ASTRONAUT, quality, subsample=subsample).numpy().astype(float)
    found = by_us(ASTRONAUT, quality, subsample=subsample)

    original = ASTRONAUT.astype(float)
    loss, our_loss = np.abs(expected - original).mean(), np.abs(found - original).mean()
    assert our_loss == pytest.approx(loss, rel=0.05)
    # what remains is rounding between the steps and the interpolation of the chroma
    assert np.abs(found - expected).mean() < 1


def test_the_best_quality_loses_next_to_nothing():
    assert np.abs(by_us(ASTRONAUT, 100, subsample=False) - ASTRONAUT).max() <= 4


def test_grey_stays_grey():
    grey = np.repeat(ASTRONAUT[..., :1], 3, axis=2)

    found = by_us(grey, 40, subsample=True)

    assert np.ptp(found, axis=2).max() <= 1


def test_pictures_of_a_batch_have_their_own_quality():
    image = torch.from_numpy(ASTRONAUT).permute(2, 0, 1)[None].float().expand(2, -1, -1, -1) / 255

    bad, good = jpeg.compress(image, torch.tensor([20.0, 95]), torch.tensor([True, False]))

    assert (bad - image[0]).abs().mean() > 3 * (good - image[0]).abs().mean()


def test_the_scale_is_that_of_the_independent_jpeg_group():
    scale = jpeg.quality_scale(torch.tensor([10.0, 50, 75, 100]))

    torch.testing.assert_close(scale, torch.tensor([500.0, 100, 50, 0]))
