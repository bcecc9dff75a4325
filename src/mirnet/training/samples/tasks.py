"""Tasks by name: plain facts, no torch. `dataset.DEVELOP` makes the data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """The data format of a task."""

    in_channels: int
    """Channels of an input."""
    out_channels: int
    """Channels of a target."""


TASKS = {"denoise": Task(in_channels=3, out_channels=3)}
"""Tasks by their names in recipes."""
