"""Progress of `mirnet evaluate` on the terminal; errors are reported at once."""

from mirnet.cli import scores_output
from mirnet.cli.bars import Rate, print_message, print_result, progress_bar
from mirnet.evaluation.run import Failed, Measured
from mirnet.pictures.vips import shown
from mirnet.restoration.restored import left_alone


class PairProgress:
    """A bar on standard error if that is a terminal, else nothing. Visible inside `bar`.

    Args:
        as_json: print each pair as a line of JSON to standard output.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.bar = progress_bar(Rate("pairs"))
        self._task = self.bar.add_task("opening", total=None)
        self._as_json = as_json

    def begin(self, total: int) -> None:
        """Set the total number of pairs."""
        self.bar.reset(self._task, total=total, description="evaluating")

    def measured(self, result: Measured | Failed) -> None:
        """Report one more pair."""
        if self._as_json:
            print_result(self.bar, scores_output.json_line(result))
        for line in _trouble(result):
            print_message(self.bar, f"mirnet: {shown(f'{result.folder}, {result.name}')}: {line}")
        self.bar.update(self._task, advance=1, refresh=True)


def _trouble(result: Measured | Failed) -> list[str]:
    if isinstance(result, Failed):
        return [result.error]
    return [
        left_alone(outcome.tiles_kept, outcome.tiles or 0, f"the network of {name}")
        for name, outcome in result.outcomes.items()
        if outcome.tiles_kept
    ]
