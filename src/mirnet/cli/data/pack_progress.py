"""Progress of packing on the terminal: pairs a second and the time left."""

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    """Pairs a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} pairs/s" if task.speed else "- pairs/s")


class PackProgress:
    """A bar on standard error where that is a terminal; nothing otherwise. Shown within `bar`."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            redirect_stdout=False,
            redirect_stderr=False,
            speed_estimate_period=120,
            disable=not console.is_terminal,
        )
        self._task = self.bar.add_task("", total=None)

    def begin(self, what: str, pairs: int) -> None:
        """The next part of the work, with so many pairs."""
        self.bar.reset(self._task, total=pairs, description=what)

    def advance(self) -> None:
        """One more pair is done."""
        self.bar.advance(self._task)

    def print_result(self, line: str) -> None:
        """A line for standard output, above the bar."""
        if self.bar.disable or not sys.stdout.isatty():
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        else:
            self.bar.console.out(line, highlight=False)
