"""Progress of many pictures on the terminal: megapixels per second and time left."""

from collections.abc import Sequence
from pathlib import Path

from mirnet.cli.bars import Rate, print_message, print_result, progress_bar
from mirnet.errors import MirnetError
from mirnet.pictures import codec, raw
from mirnet.restoration.folder import FileResult, Route, is_done


class PictureProgress:
    """A bar on standard error if that is a terminal, else nothing. Visible inside `bar`."""

    def __init__(self, jobs: Sequence[Route], *, overwrite: bool) -> None:
        self._jobs = jobs
        self.bar = progress_bar(Rate("MP", size=1e6, digits=1))
        self._sizes = {
            job.source: _pixels(job.source)
            for job in (() if self.bar.disable else jobs)
            if overwrite or not _is_done(job)
        }
        self._task = self.bar.add_task(self._name(0), total=sum(self._sizes.values()))
        self._finished = 0
        self._done = 0.0  # pixels of the present picture

    def advance(self, pixels: float) -> None:
        """Count more pixels of the current picture as done."""
        self._done += pixels
        self.bar.advance(self._task, pixels)

    def finish(self, result: FileResult) -> None:
        """Count the current picture as finished, restored or not."""
        self._finished += 1
        total = self.bar.tasks[0].total or 0
        total += self._done - self._sizes.get(result.source, 0)  # what was really to be done
        self._done = 0.0
        name = self._name(self._finished)
        # at once: a small picture would be gone before the next tick
        self.bar.update(self._task, total=total, description=name, refresh=True)

    def print_result(self, line: str) -> None:
        """Print a line to standard output, above the bar."""
        print_result(self.bar, line)

    def print_message(self, line: str) -> None:
        """Print a line to standard error, above the bar."""
        print_message(self.bar, line)

    def _name(self, index: int) -> str:
        if index >= len(self._jobs):
            return "done"
        name = self._jobs[index].source.name
        short = name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}"
        return f"{index + 1}/{len(self._jobs)} {short}".replace("[", r"\[")


def _is_done(job: Route) -> bool:
    try:
        return is_done(job)
    except OSError:  # which is reported later
        return False


def _pixels(path: Path) -> int:
    """Estimate the work for a picture; 0 if it cannot be opened, which is reported later."""
    try:
        if path.suffix.lower() in raw.SUFFIXES:
            return path.stat().st_size  # a byte a pixel; to open it would be to develop it
        height, width = codec.size(path)
    except (MirnetError, OSError):
        return 0
    return height * width
