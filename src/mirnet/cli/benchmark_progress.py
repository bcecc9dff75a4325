"""Progress of `mirnet benchmark` on the terminal."""

from mirnet.benchmark.driver import FailedTrial
from mirnet.cli.bars import Rate, print_message, progress_bar


class BenchmarkProgress:
    """A bar on standard error if that is a terminal, visible inside `bar`; failures at once."""

    def __init__(self) -> None:
        self.bar = progress_bar(Rate("runs"))
        self._task = self.bar.add_task("starting", total=None)
        self._done = 0

    def begin(self, runtime: str, number: int | None) -> None:
        """See `driver.Observer`."""
        doing = "starting" if number is None else f"round {number}" if number > 0 else "warming up"
        self.bar.update(self._task, description=f"{runtime}, {doing}", refresh=True)

    def done(self, left: int) -> None:
        """See `driver.Observer`."""
        self._done += 1
        total = self._done + left
        self.bar.update(self._task, completed=self._done, total=total, refresh=True)

    def fail(self, failed: FailedTrial) -> None:
        """See `driver.Observer`."""
        print_message(self.bar, f"mirnet: {failed.runtime}: {failed.error}")
