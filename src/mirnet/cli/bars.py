"""The progress bar of all commands, on standard error if that is a terminal."""

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class Rate(ProgressColumn):
    """Number done, total, and rate per second."""

    def __init__(self, unit: str, *, size: float = 1, digits: int = 0) -> None:
        super().__init__()
        self._unit = unit
        self._size = size  # of the unit, in what the bar counts
        self._digits = digits

    def render(self, task: Task) -> Text:
        done, total = (
            f"{n / self._size:.{self._digits}f}" for n in (task.completed, task.total or 0)
        )
        speed = f"{task.speed / self._size:.{self._digits + 1}f}" if task.speed else "-"
        return Text(f"{done}/{total}  {speed} {self._unit}/s")


def progress_bar(facts: ProgressColumn) -> Progress:
    """A context manager that shows the current task, a bar, `facts` and the time left.

    It shows nothing if standard error is not a terminal.
    """
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        facts,
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
        redirect_stdout=False,
        redirect_stderr=False,
        speed_estimate_period=120,
        disable=not console.is_terminal,
    )


def print_result(bar: Progress, line: str) -> None:
    """Print a line to standard output, above the bar if both share a terminal."""
    if bar.disable or not sys.stdout.isatty():
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    else:
        bar.console.out(line, highlight=False)


def print_message(bar: Progress, line: str) -> None:
    """Print a line to standard error, above the bar."""
    bar.console.out(line, highlight=False)
