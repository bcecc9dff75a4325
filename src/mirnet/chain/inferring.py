"""The link `infer`: exported files, in every runtime and on every device, against the reference."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from mirnet import metrics, runtimes
from mirnet.chain.evaluating import REFERENCE
from mirnet.chain.parts import Check, Facts, Outcome
from mirnet.data import sources
from mirnet.errors import InferenceError, RuntimeMissingError
from mirnet.evaluation.restored_images import RestoredImages
from mirnet.image import codec, pixels
from mirnet.restoration.restorer import Restorer
from mirnet.shapes import Pixels

LINK = "infer"

LEVELS = 1.0
"""Largest difference of a value of the saved pictures, in levels of 255."""
DECIBELS = 0.05
"""Largest difference of the mean PSNR, in dB."""


def infer(name: str, device: str, models: Path, pairs: Path, restored: Path) -> Outcome:
    """Restore all noisy pictures in a runtime, save them, and compare them with the reference.

    Args:
        name: of the runtime.
        device: one of the runtime's.
        models: folder of the folders of exported files.
        pairs: folder of pairs or of shards.
        restored: holds the folder `REFERENCE`, and gets one called after runtime and device.

    Raises:
        RuntimeMissingError: if runtime, device, or a file for them is missing.
        MirnetError: if the runtime fails, or makes no picture.
    """
    model = model_file(models, runtimes.KINDS[name].suffixes)
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeMissingError("PyTorch sees no CUDA device")
    place = f"{name}-{device}"
    images = RestoredImages(restored / place, [pairs], [place])
    opened = sources.open(pairs)
    levels, psnr, reference_psnr = 0.0, 0.0, 0.0
    with Restorer(runtimes.open(model, runtime=name, device=device)) as restorer:
        for index in range(len(opened)):
            noisy, clean = opened.whole(index)
            result = restorer.restore(pixels.to_float(noisy))
            image = result.image()
            if result.tally.kept:
                raise InferenceError(f"{opened.name(index)}: {place} made no picture of it")
            path = images.save(pairs, place, opened.name(index), image, noisy.dtype)
            saved, reference = codec.read(path), codec.read(restored / REFERENCE / path.name)
            levels = max(levels, difference(saved, reference))
            psnr += _psnr(saved, clean) / len(opened)
            reference_psnr += _psnr(reference, clean) / len(opened)
    checks = (
        Check("largest difference", levels, "<=", LEVELS, "levels"),
        Check("PSNR differs by", abs(psnr - reference_psnr), "<=", DECIBELS, "dB", ".4f"),
    )
    facts: Facts = {"file": f"{model.parent.name}/{model.name}", "psnr": psnr}
    return Outcome(f"restored {len(opened)} pictures with {model.name}", checks, facts)


def model_file(models: Path, suffixes: Sequence[str]) -> Path:
    """The exported file with the first of these suffixes that there is.

    Raises:
        RuntimeMissingError: if there is none.
    """
    for suffix in suffixes:
        for path in sorted(models.glob(f"*/*{suffix}")):
            return path
    raise RuntimeMissingError(f"no file was exported that it reads: {' '.join(suffixes)}")


def difference(a: Pixels, b: Pixels) -> float:
    """The largest one of any value, in levels of 255; both are of one integer dtype and shape.

    >>> difference(np.array([[[3, 4, 255]]], np.uint8), np.array([[[4, 4, 253]]], np.uint8))
    2.0
    """
    apart = np.abs(a.astype(int) - b.astype(int)).max()
    return float(apart * 255 / pixels.peak(a.dtype))


def _psnr(picture: Pixels, truth: Pixels) -> float:
    """Of files, in dB."""
    return metrics.psnr(pixels.to_float(picture), pixels.to_float(truth), data_range=1.0)
