"""What can be learnt, by name: plain facts, no torch. `dataset.DEVELOP` makes the data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """What a task's data are."""

    in_channels: int
    """Channels of an input."""
    out_channels: int
    """Channels of a target."""


TASKS = {"denoise": Task(in_channels=3, out_channels=3)}
"""By their names in recipes."""
