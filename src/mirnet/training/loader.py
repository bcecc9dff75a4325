"""Batches in the order of the schedule, prepared in advance by worker processes."""

from collections.abc import Iterable, Iterator

import torch
from torch.utils.data import DataLoader

from mirnet.training.samples.dataset import SampleBatch, TrainingData
from mirnet.training.samples.request import Request

AHEAD = 4
"""Batches that each worker prepares in advance."""


def load(
    data: TrainingData, requests: Iterable[Request], *, workers: int, pin: bool
) -> Iterator[SampleBatch]:
    """Yield the batches of `requests` in order.

    Args:
        data: source of the batches.
        requests: in the order wanted.
        workers: processes that prepare batches in advance; with 0 they are made on demand. The
            batches are the same.
        pin: store them in pinned memory, from which a GPU copies faster.

    Raises:
        DataError, ImageError: if one cannot be made.
    """
    if not workers:
        return (data[request] for request in requests)
    loader: DataLoader[SampleBatch] = DataLoader(
        data,  # type: ignore[arg-type]  # requests take the place of indices
        batch_size=None,
        sampler=requests,
        num_workers=workers,
        prefetch_factor=AHEAD,
        pin_memory=pin,
        # a fork would inherit libvips' threads in an arbitrary state
        multiprocessing_context="forkserver" if _has_forkserver() else "spawn",
    )
    return iter(loader)


def _has_forkserver() -> bool:
    return "forkserver" in torch.multiprocessing.get_all_start_methods()
