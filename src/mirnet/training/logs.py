"""Logs of a run: a table, and records for the viewers requested."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from mirnet.errors import RecipeError, RuntimeMissingError
from mirnet.training.table import Table

METRICS = "metrics.csv"
"""Name of the table in the folder of a run."""
RECORDS = "logs"
"""Subfolder of the viewers' files in the folder of a run."""
INTERVALS = (1, 2, 5, 10, 20, 50)
"""Possible distances of points on a curve, in steps."""
POINTS = 50
"""Minimum number of points of a curve, unless a run has fewer steps."""
GROUPS = {"psnr": "validation", "ssim_y": "validation"}
"""Groups in which viewers show scalars; all others belong to `training`."""


def is_due(step: int) -> bool:
    """Whether a step becomes a point of the curves: every step at first, later every fiftieth.

    So a run of any length has at least `POINTS` points. It depends on the step alone: a resumed run
    logs the same steps.

    >>> [step for step in range(95, 107) if is_due(step)]
    [95, 96, 97, 98, 99, 100, 102, 104, 106]
    """
    interval = max(each for each in INTERVALS if each == 1 or each * POINTS <= step)
    return step % interval == 0


@runtime_checkable
class Viewer(Protocol):
    """Writes logs for one program that displays runs."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Add points to curves, and flush them to disk."""

    def pictures(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Add a picture, RGB, and flush it to disk."""

    def close(self) -> None:
        """Finish and close the files."""


@dataclass(frozen=True)
class LogKind:
    """A kind of viewer, requested by the name of its package."""

    install: str
    """Argument of `pip install`."""
    open: Callable[[Path, int], Viewer]
    """Opens a viewer, given a folder and the step after which the run continues."""


def _tensorboard(folder: Path, step: int) -> Viewer:
    from mirnet.training.tensorboard import TensorBoard

    return TensorBoard(folder, step)


def _visualdl(folder: Path, step: int) -> Viewer:
    from mirnet.training.visualdl import VisualDL

    return VisualDL(folder, step)


VIEWERS = {
    "tensorboard": LogKind("mirnet[train]", _tensorboard),
    "visualdl": LogKind("mirnet[visualdl]", _visualdl),
}


class Logs:
    """The logs of a run, made by `open`; to be closed, or used as a context manager."""

    def __init__(self, table: Table | None = None, viewers: Sequence[Viewer] = ()) -> None:
        self._table = table
        self._viewers = viewers

    def scalars(self, step: int, **values: float) -> None:
        """Log values: in the row of their step, and as points of curves.

        The values of one step may come in several calls. They need not be finite.

        Raises:
            OSError: if the disk does not take them.
        """
        if self._table:
            self._table.add(step, values)
        # viewers group scalars by the first part of their names
        points = {f"{GROUPS.get(name, 'training')}/{name}": value for name, value in values.items()}
        for viewer in self._viewers:
            viewer.scalars(step, points)

    def pictures(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Log a picture, RGB in 0..255; viewers show pictures of one name on a slider."""
        for viewer in self._viewers:
            viewer.pictures(step, f"validation/{name}", image)

    def close(self) -> None:
        """Finish and close the files."""
        for viewer in self._viewers:
            viewer.close()

    def __enter__(self) -> "Logs":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open(folder: Path, *, viewers: Sequence[str] | None, step: int) -> Logs:
    """Start logging into a run's folder, or continue.

    Args:
        folder: folder of the run, which exists.
        viewers: names in `VIEWERS`; the table is always written. None in all processes of a run but
            the first: there every call does nothing.
        step: steps done. Entries of a killed run beyond it are removed. So a step must be logged
            before it is saved: a run killed in between would otherwise lack its entries.

    Raises:
        RecipeError: if there is no such viewer.
        RuntimeMissingError: if a viewer's package is not installed.
        DataError: if the table of the run that goes on is damaged.
    """
    if viewers is None:
        return Logs()
    check(viewers)
    table = Table(folder / METRICS, step)
    return Logs(table, [VIEWERS[name].open(folder / RECORDS, step) for name in viewers])


def check(viewers: Sequence[str]) -> None:
    """Check that all viewers are available, before a run starts.

    Raises:
        RecipeError: if there is no such viewer.
        RuntimeMissingError: if a viewer's package is not installed.
    """
    for name in viewers:
        if name not in VIEWERS:
            raise RecipeError(f"no viewer {name!r}: choose {', '.join(VIEWERS)}")
        if find_spec(name) is None:
            raise RuntimeMissingError(
                f'the viewer {name} is not installed: pip install "{VIEWERS[name].install}"'
            )
