"""PyTorch: reads all formats of weights, and runs on CUDA."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mirnet.errors import InferenceError, OutOfMemoryError
from mirnet.models import checkpoint
from mirnet.models.facts import Facts
from mirnet.models.mirnetv2.network import MIRNetV2
from mirnet.shapes import Batch, Result

NO_MEMORY = (
    "allocate memory",
    "not enough memory",
    "ALLOC_FAILED",
    "could not create a primitive",  # oneDNN
)
"""What the library's messages contain when memory runs out."""


class PyTorchRuntime:
    """A weights file in float32, on the CPU or a CUDA device.

    Args:
        path: any file that `models.checkpoint.read` takes.
        device: `cpu` or `cuda`.
        threads: CPU threads, for the whole process; PyTorch's default if not given.
        local: side of the windows over which it averages instead of the whole input; see
            `checkpoint.localised`.

    Raises:
        WeightsError: if the file holds no weights of this network, or the window does not fit.
        InferenceError: if the device is not there.
    """

    name = "pytorch"

    def __init__(
        self,
        path: Path,
        *,
        device: str = "cpu",
        threads: int | None = None,
        local: int | None = None,
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        weights = checkpoint.read(path)
        if local is not None:
            weights = checkpoint.localised(weights, local)
        self._load(weights.network(), device, weights.facts)

    @classmethod
    def of(cls, network: MIRNetV2, *, device: str = "cpu") -> "PyTorchRuntime":
        """A runtime for a network in memory."""
        runtime = cls.__new__(cls)
        runtime._load(network, device, {})
        return runtime

    def _load(self, network: MIRNetV2, device: str, stated: Mapping[str, Any]) -> None:
        try:
            self._network: MIRNetV2 | None = network.eval().to(device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).partition("\n")[0]
            raise InferenceError(
                f"PyTorch cannot use the device {device}: {reason}; choose an available one, such "
                "as cpu"
            ) from None
        self._device = device
        configuration = network.configuration
        self.facts = Facts(
            in_channels=configuration.in_channels,
            out_channels=configuration.out_channels,
            scale=configuration.scale,
            multiple=configuration.multiple,
            task=Facts.of(stated).task,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
        )

    def __call__(self, batch: Batch) -> Result:
        if self._network is None:
            raise InferenceError("this runtime was closed")
        try:
            with torch.inference_mode():
                noisy = torch.tensor(batch, device=self._device)
                restored: torch.Tensor = self._network(noisy)
                return restored.cpu().numpy()
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            no_memory = any(phrase in reason for phrase in NO_MEMORY)
            if no_memory or isinstance(error, torch.OutOfMemoryError):
                raise OutOfMemoryError(f"PyTorch: {reason}") from None
            raise InferenceError(f"PyTorch failed on {batch.shape}: {reason}") from None

    def close(self) -> None:
        self._network = None
        if self._device == "cuda":
            torch.cuda.empty_cache()
