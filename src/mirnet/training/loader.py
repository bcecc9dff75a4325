"""Batches in the order of the plan, made ahead by worker processes."""

from collections.abc import Iterable, Iterator

import torch
from torch.utils.data import DataLoader

from mirnet.training.samples.dataset import SampleBatch, TrainingData
from mirnet.training.samples.request import Request

AHEAD = 4
"""Batches that each worker keeps ready."""


def load(
    data: TrainingData, requests: Iterable[Request], *, workers: int, pin: bool
) -> Iterator[SampleBatch]:
    """The batches of `requests`, one after the other.

    Args:
        data: where they come from.
        requests: in the order wanted.
        workers: processes that make them ahead; with 0 they are made when they are asked for. The
            batches are the same.
        pin: put them where a GPU fetches them faster.

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
        # a fork would inherit libvips' threads in whatever state they are
        multiprocessing_context="forkserver" if _has_forkserver() else "spawn",
    )
    return iter(loader)


def _has_forkserver() -> bool:
    return "forkserver" in torch.multiprocessing.get_all_start_methods()
