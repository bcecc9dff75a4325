"""Progress in decibels: pairs of pictures that the network never trains on."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from torch import nn

from mirnet import metrics
from mirnet.data.dataset import Photograph
from mirnet.shapes import MULTIPLE


def mean_psnr(
    network: nn.Module, pairs: Sequence[tuple[Photograph, Photograph]], device: torch.device
) -> float:
    """Mean PSNR in dB of the restored noisy pictures, in float32, clipped to 0..1.

    Each picture is restored whole; sides that are no multiples of 4 are padded by reflection.
    """
    scores = []
    for noisy, clean in pairs:
        height, width = noisy.shape[1:]
        padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
        padded = F.pad(noisy[None].to(device).float() / 255, padding, mode="reflect")
        with torch.inference_mode():
            restored = network(padded)[0, :, :height, :width].clamp(0, 1).cpu()
        truth = clean.numpy().transpose(1, 2, 0) / 255
        scores.append(metrics.psnr(restored.numpy().transpose(1, 2, 0), truth, data_range=1.0))
    return float(np.mean(scores))
