"""Where a run writes down how it goes: a table, and records for the viewers that are wanted."""

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
"""The table's name in the folder of a run."""
RECORDS = "logs"
"""Folder of what the viewers read, in that of the run."""
GROUPS = {"psnr": "validation", "ssim_y": "validation"}
"""Where viewers show a scalar; the others belong to `training`."""


@runtime_checkable
class Viewer(Protocol):
    """What writes for one program that shows runs."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Points of curves, at once on disk."""

    def pictures(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """A picture, RGB, at once on disk."""

    def close(self) -> None:
        """Finish the files."""


@dataclass(frozen=True)
class LogKind:
    """A viewer as it is asked for: by the name of its package."""

    install: str
    """What pip is to be given."""
    open: Callable[[Path, int], Viewer]
    """Of a folder and the step after which the run goes on."""


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
    """What a run writes down, made by `open`; to be closed, or used as a context."""

    def __init__(self, table: Table | None = None, viewers: Sequence[Viewer] = ()) -> None:
        self._table = table
        self._viewers = viewers

    def scalars(self, step: int, **values: float) -> None:
        """Write values down: into the row of their step, and as points of curves.

        Those of one step may come in several calls. Values need not be finite.

        Raises:
            OSError: if the disk does not take them.
        """
        if self._table:
            self._table.add(step, values)
        # viewers show together what has the same first part
        points = {f"{GROUPS.get(name, 'training')}/{name}": value for name, value in values.items()}
        for viewer in self._viewers:
            viewer.scalars(step, points)

    def pictures(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Show a picture, RGB in 0..255; those of one name follow each other on a slider."""
        for viewer in self._viewers:
            viewer.pictures(step, f"validation/{name}", image)

    def close(self) -> None:
        """Finish the files."""
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
    """Begin to write into a run's folder, or go on.

    Args:
        folder: that of the run; it exists.
        viewers: of `VIEWERS`; the table is written without being asked for. None in all
            processes of a run but the first: there nothing is written, whatever is called.
        step: steps done. What a killed run has logged beyond them disappears. A step is therefore
            logged before it is saved: a run that is killed in between would lack it.

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
    """Make sure that all viewers can be written for, before work goes into a run.

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
