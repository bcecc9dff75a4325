"""Tasks by name: plain facts, no torch. `developing.DEVELOP` makes the data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """The data format of a task."""

    in_channels: int
    """Channels of an input."""
    out_channels: int
    """Channels of a target."""
    enlarges: bool = False
    """Whether targets are 2, 3 or 4 times as high and wide as inputs."""
    has_pairs_only: bool = False
    """Whether it learns from real pairs alone: nothing makes inputs of clean photographs."""

    @property
    def views(self) -> int:
        """Number of RGB pictures in an input."""
        return self.in_channels // 3


TASKS = {
    "denoise": Task(in_channels=3, out_channels=3),
    "enlarge": Task(in_channels=3, out_channels=3, enlarges=True),
    "enlarge-aligned": Task(in_channels=3, out_channels=3, has_pairs_only=True),
    "brighten": Task(in_channels=3, out_channels=3),
    "retouch": Task(in_channels=3, out_channels=3, has_pairs_only=True),
    "deblur": Task(in_channels=6, out_channels=3, has_pairs_only=True),
}
"""Tasks by their names in recipes."""
