"""Validation in decibels: pairs of pictures that the network is never trained on."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from jaxtyping import UInt8
from lightning_fabric import Fabric

from mirnet import metrics
from mirnet.models.mirnetv2.network import MIRNetV2
from mirnet.pairs.pairs import Pairs, as_one
from mirnet.pictures import pixels
from mirnet.shapes import Image, Larger
from mirnet.training.devices import reduced


class ValidationScores(NamedTuple):
    """Means over the pictures, of RGB in 0..1, clipped, not rounded."""

    psnr: float
    """PSNR in dB."""
    ssim_y: float
    """SSIM on the Y channel, as in BasicSR; see `mirnet.metrics.ssim_y`."""


class Sample(NamedTuple):
    """A sample picture: noisy (of two views, their mean), restored and clean side by side."""

    name: str
    image: UInt8[np.ndarray, "h w 3"]


def measure(
    network: MIRNetV2, pairs: Pairs, fabric: Fabric, *, pictures: int
) -> tuple[ValidationScores, list[Sample]]:
    """Restore the noisy pictures, each as a whole, distributed over the processes.

    Pictures are padded by reflection to sizes that the network takes.

    Args:
        network: float32, on the device of `fabric`.
        pairs: at least one.
        fabric: distributes the pictures over the processes, and combines their results.
        pictures: number of samples returned, from this process's share.
    """
    psnr, ssim_y = 0.0, 0.0
    samples: list[Sample] = []
    mine = range(fabric.global_rank, len(pairs), fabric.world_size)
    for index in mine:
        noisy, clean = (pixels.to_float(half) for half in pairs.whole(index))
        restored = _restore(network, noisy, fabric.device)
        psnr += metrics.psnr(restored, clean, data_range=1.0)
        ssim_y += metrics.ssim_y(restored, clean, data_range=1.0)
        if len(samples) < pictures:
            scale = len(clean) // len(noisy)
            shown = as_one(noisy).repeat(scale, 0).repeat(scale, 1)  # as it is: pixels of the input
            row = np.concatenate([shown, restored, clean], axis=1)
            samples.append(Sample(pairs.name(index), pixels.from_float(row, np.uint8)))
    sums = torch.tensor([psnr, ssim_y], dtype=torch.float64, device=fabric.device)
    means = reduced(fabric, sums, "sum").tolist()
    return ValidationScores(means[0] / len(pairs), means[1] / len(pairs)), samples


def _restore(network: MIRNetV2, noisy: Image, device: torch.device) -> Larger:
    height, width = noisy.shape[:2]
    batch = torch.from_numpy(np.ascontiguousarray(noisy.transpose(2, 0, 1)))[None].to(device)
    multiple, scale = network.configuration.multiple, network.configuration.scale
    padding = (0, -width % multiple, 0, -height % multiple)
    with torch.inference_mode():
        restored = network(F.pad(batch, padding, mode="reflect"))
    restored = restored[0, :, : height * scale, : width * scale]
    image: Larger = restored.clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    return image
