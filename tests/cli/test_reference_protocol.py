"""The protocol of the Paddle reproduction's `predict.py`, written from its description.

Pairs in order of their names, each noisy picture whole, as float in 0..1, through the network; the
result clipped. PSNR in float over all pixels and channels, SSIM on Y of BT.601 as BasicSR has it;
the means of both over the pictures. The network is the independent implementation of `official`,
with weights that we wrote, so nothing here but reading and writing those is ours.
"""

import json
import pickle
from math import log10
from statistics import fmean

import numpy as np
import official
import pytest
import torch
from scipy.ndimage import correlate1d

from mirnet.models.checkpoint import Weights, write
from mirnet.models.mirnetv2.network import Configuration

NARROW = Configuration(width=16, groups=(1, 2, 4))


@pytest.fixture
def weights(tmp_path):
    """Our `.pdparams` of a network that changes pictures visibly, but does not destroy them."""
    torch.manual_seed(3)
    network = NARROW.network()
    with torch.no_grad():
        for layer in network.parameters():
            torch.nn.init.kaiming_normal_(layer, a=1)
        network.tail.weight.mul_(0.05)
    path = tmp_path / "ours.pdparams"
    write(Weights.of(network), path)
    return path


@pytest.fixture
def pairs(tmp_path, picture, save):
    """Pictures larger than a tile and of its size, in the folders that the reproduction takes."""
    for index, (height, width) in enumerate([(256, 256), (196, 212), (48, 64)]):
        for seed, half in enumerate(["input", "groundtruth"]):
            pixels = picture(height, width, seed=2 * index + seed)
            save(tmp_path / "mini" / half / f"{index:04}.png", pixels=pixels)
    return tmp_path / "mini"


def reference(weights, pairs, load):
    """The two figures that `predict.py` prints."""
    network = official.network(NARROW).eval()
    saved = pickle.loads(weights.read_bytes())["state_dict"]
    network.load_state_dict({name: torch.tensor(array) for name, array in saved.items()})
    psnrs, ssims = [], []
    for noisy, clean in zip(
        sorted((pairs / "input").iterdir()),
        sorted((pairs / "groundtruth").iterdir()),
        strict=True,
    ):
        batch = torch.from_numpy(load(noisy)).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            restored = network(batch).clamp(0, 1)[0].permute(1, 2, 0).double().numpy()
        truth = load(clean) / 255
        psnrs.append(10 * log10(1 / ((restored - truth) ** 2).mean()))
        ssims.append(ssim(luma(restored), luma(truth)))
    return fmean(psnrs), fmean(ssims)


def luma(image):
    """Y of BT.601, 16..235, of RGB in 0..1."""
    return image @ [65.481, 128.553, 24.966] + 16


def ssim(a, b):
    """Of Wang et al. 2004, on values in 0..255: Gaussian of 11x11 without padding."""
    window = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(x):
        return correlate1d(correlate1d(x, window, axis=0), window, axis=1)[5:-5, 5:-5]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    similarity = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )
    return similarity.mean()


def test_whole_pictures_have_the_figures_of_the_reference(mirnet, weights, pairs, load):
    psnr, ssim_y = reference(weights, pairs, load)

    arguments = ("evaluate", pairs, "--model", weights, "--precision", "f32", "--json")
    whole, tiled = (
        json.loads(done.stdout.splitlines()[-1])
        for done in (mirnet(*arguments, "--whole"), mirnet(*arguments))
    )

    means = whole["all"]["methods"]["ours"]
    assert means["psnr"] == pytest.approx(psnr, abs=1e-4)
    assert means["ssim_y"] == pytest.approx(ssim_y, abs=1e-4)
    assert abs(tiled["all"]["methods"]["ours"]["psnr"] - psnr) > 1e-3
    assert abs(whole["all"]["input"]["psnr"] - psnr) > 0.5  # the network does something
    assert (whole["methods"]["ours"]["tile"], tiled["methods"]["ours"]["tile"]) == (None, 188)
