"""LPIPS: how different two pictures look, by the features of a network that has seen many.

The library's, with AlexNet, as most papers report it (Zhang et al., CVPR 2018). AlexNet's weights
are fetched once, 233 MB, by PyTorch's hub.
"""

from urllib.error import URLError

import numpy as np

from mirnet.errors import DataError, RuntimeMissingError, ShapeError
from mirnet.shapes import Image

SMALLEST = 31
"""Pixels a side below which AlexNet's pooling has nothing left."""


class Lpips:
    """Measures LPIPS: 0 for equal pictures, less is better.

    Args:
        device: `cpu`, or `auto` or `cuda` for a CUDA device where there is one.

    Raises:
        RuntimeMissingError: if the libraries are not installed.
        DataError: if AlexNet's weights cannot be fetched.
    """

    def __init__(self, device: str = "auto") -> None:
        try:
            import torch
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

            # range said, never guessed: `normalize` takes 0..1 where the default is -1..1
            metric = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)
        except ModuleNotFoundError as error:
            missing = error.name or "torchvision"
            raise RuntimeMissingError(
                f'LPIPS needs {missing}: pip install "mirnet[lpips]"'
            ) from None
        except URLError as error:
            raise DataError(
                f"LPIPS needs AlexNet's weights, which cannot be fetched ({error.reason}): put "
                f"alexnet-owt-7be5be79.pth into {torch.hub.get_dir()}/checkpoints"
            ) from None
        self._device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        self._metric = metric.to(self._device)

    def __call__(self, picture: Image, truth: Image) -> float:
        """The distance of two pictures, h w 3, in 0..1.

        Raises:
            ShapeError: if a side is too short.
        """
        import torch

        if min(truth.shape[:2]) < SMALLEST:
            raise ShapeError(f"LPIPS needs at least {SMALLEST} pixels a side, got {truth.shape}")
        batches = (
            torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None])).to(self._device)
            for image in (picture, truth)
        )
        with torch.inference_mode():
            distance = self._metric(*batches)
        self._metric.reset()  # it would go on to count towards a mean of its own
        return float(distance)
