"""The task of a worker."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Trial:
    """One model on one runtime, and the file to restore. Plain values, which are sent as JSON."""

    model: str
    runtime: str
    device: str
    threads: int | None
    tile: int | None
    """None for the default of `Restorer`."""
    overlap: int | None
    batch: int | None
    """Number of pictures run through the runtime at once, untiled; None for one, in tiles."""
    source: str
    """Path of the picture."""
    target: str
    """Path of the restored picture, which is overwritten each time."""

    def line(self) -> str:
        """The job as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> "Trial":
        """Parse a job from its line of JSON."""
        return cls(**json.loads(line))
