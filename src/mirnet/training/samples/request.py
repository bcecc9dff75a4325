"""Requests of training for samples."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """A run of consecutive samples, to be delivered together."""

    first: int
    """Number of the first sample; samples are numbered from 0 over the whole run."""
    count: int
    patch: int
    """Side of the patches in pixels."""
    mixes: bool = False
    """Whether real pairs are blended with others (MixUp)."""
