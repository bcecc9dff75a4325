"""LPIPS: perceptual distance of two pictures, from the features of a pretrained network.

The library's implementation with AlexNet, as most papers report it (Zhang et al., CVPR 2018).
PyTorch's hub downloads AlexNet's weights once, 233 MB.
"""

from urllib.error import URLError

import numpy as np

from mirnet.errors import DataError, RuntimeMissingError, ShapeError
from mirnet.shapes import Image

SMALLEST = 31
"""Minimum side in pixels: below it, AlexNet's pooling leaves nothing."""


class Lpips:
    """Measures LPIPS: 0 for equal pictures, lower is better.

    Args:
        device: `cpu`, or `auto` or `cuda` for a CUDA device if there is one.

    Raises:
        RuntimeMissingError: if the libraries are not installed, or do not match.
        DataError: if AlexNet's weights cannot be fetched.
    """

    def __init__(self, device: str = "auto") -> None:
        try:
            import torch
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

            # the range is explicit: `normalize` takes 0..1, the default is -1..1
            metric = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)
        except ModuleNotFoundError as error:
            missing = error.name or "torchvision"
            raise RuntimeMissingError(
                f'LPIPS needs {missing}: pip install "mirnet[lpips]"'
            ) from None
        except RuntimeError as error:  # torchvision registers operators that torch does not know
            if "torchvision" not in str(error):
                raise
            reason = str(error).partition("\n")[0]
            raise RuntimeMissingError(
                f"LPIPS needs the torchvision made for torch {torch.__version__} ({reason}): "
                "install it from where torch came from"
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
        self._metric.reset()  # otherwise it keeps counting towards a mean of its own
        return float(distance)
