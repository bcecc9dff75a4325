"""What a worker is told to measure."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Trial:
    """One model on one runtime, and the file that it restores. Plain values: it is sent as JSON."""

    model: str
    runtime: str
    device: str
    threads: int | None
    tile: int | None
    """None for what `Restorer` takes by itself."""
    overlap: int | None
    batch: int | None
    """So many pictures go through the runtime at once, uncut; None for one, in tiles."""
    source: str
    """The picture's path."""
    target: str
    """Where the restored one is written, each time anew."""

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> "Trial":
        """The job of such a line."""
        return cls(**json.loads(line))
