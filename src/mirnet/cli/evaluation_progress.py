"""Progress of `mirnet evaluate` on the terminal, and what goes wrong with a pair, at once."""

from mirnet.cli import scores_output
from mirnet.cli.bars import Rate, print_message, print_result, progress_bar
from mirnet.evaluation.run import Failed, Measured
from mirnet.pictures.vips import shown
from mirnet.restoration.restored import left_alone


class PairProgress:
    """A bar on standard error where that is a terminal; nothing otherwise. Shown within `bar`.

    Args:
        as_json: whether each pair is told as a line of JSON on standard output.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.bar = progress_bar(Rate("pairs"))
        self._task = self.bar.add_task("opening", total=None)
        self._as_json = as_json

    def begin(self, total: int) -> None:
        """So many pairs will be measured."""
        self.bar.reset(self._task, total=total, description="evaluating")

    def measured(self, result: Measured | Failed) -> None:
        """One more pair."""
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
