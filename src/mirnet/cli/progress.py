"""Progress of many pictures on the terminal: megapixels a second and the time left."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from mirnet.errors import MirnetError
from mirnet.image import codec, raw
from mirnet.restoration.folder import Job, Result


class _Rate(ProgressColumn):
    """Megapixels done, in all, and a second."""

    def render(self, task: Task) -> Text:
        speed = f"{task.speed / 1e6:5.2f} MP/s" if task.speed else "   -  MP/s"
        return Text(f"{task.completed / 1e6:.1f}/{(task.total or 0) / 1e6:.1f} MP {speed}")


class PictureProgress:
    """A bar on standard error where that is a terminal; nothing otherwise. Shown within `bar`."""

    def __init__(self, jobs: Sequence[Job], *, overwrite: bool) -> None:
        console = Console(stderr=True)
        self._jobs = jobs
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            _Rate(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            redirect_stdout=False,
            redirect_stderr=False,
            speed_estimate_period=120,
            disable=not console.is_terminal,
        )
        self._sizes = {
            job.source: _pixels(job.source)
            for job in (jobs if console.is_terminal else ())
            if overwrite or not job.target.exists()
        }
        self._task = self.bar.add_task(self._name(0), total=sum(self._sizes.values()))
        self._finished = 0
        self._done = 0.0  # pixels of the present picture

    def advance(self, pixels: float) -> None:
        """So many more pixels of the present picture are done."""
        self._done += pixels
        self.bar.advance(self._task, pixels)

    def finish(self, result: Result) -> None:
        """The present picture is finished, whatever became of it."""
        self._finished += 1
        total = self.bar.tasks[0].total or 0
        total += self._done - self._sizes.get(result.source, 0)  # what was really to be done
        self._done = 0.0
        name = self._name(self._finished)
        # at once: a small picture would be gone before the next tick
        self.bar.update(self._task, total=total, description=name, refresh=True)

    def print_result(self, line: str) -> None:
        """A line for standard output, above the bar."""
        if self.bar.disable or not sys.stdout.isatty():
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        else:
            self.bar.console.out(line, highlight=False)

    def print_message(self, line: str) -> None:
        """A line for standard error, above the bar."""
        self.bar.console.out(line, highlight=False)

    def _name(self, index: int) -> str:
        if index >= len(self._jobs):
            return "done"
        name = self._jobs[index].source.name
        short = name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}"
        return f"{index + 1}/{len(self._jobs)} {short}".replace("[", r"\[")


def _pixels(path: Path) -> int:
    """How much work a picture is, about; none if it cannot be opened, which is reported later."""
    if path.suffix.lower() in raw.SUFFIXES:
        return path.stat().st_size  # a byte a pixel; to open it would be to develop it
    try:
        picture = codec.open(path)
    except MirnetError:
        return 0
    return picture.height * picture.width
