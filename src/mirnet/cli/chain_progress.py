"""Progress of a chain on standard error: one line per part, and a bar if that is a terminal."""

from rich.progress import TextColumn

from mirnet.chain.parts import LinkPart, PartResult
from mirnet.cli.bars import print_message, progress_bar


class ChainProgress:
    """Lines, and a bar visible inside `bar`; see `mirnet.chain.start.ChainObserver`."""

    def __init__(self) -> None:
        self.bar = progress_bar(TextColumn("{task.fields[message]}"))
        # without a total it moves back and forth
        self._task = self.bar.add_task("", total=None, message="")

    def begin(self, part: LinkPart) -> None:
        self.bar.update(self._task, description=f"{part.link}, {part.name}", message="")

    def tell(self, message: str) -> None:
        self.bar.update(self._task, message=message)

    def end(self, result: PartResult) -> None:
        found = ", ".join(check.found for check in result.checks)
        why = f" ({result.reason})" if result.reason else f": {found}"
        line = f"{result.link}, {result.part}: {result.status}{why}"
        print_message(self.bar, f"mirnet: {line}")
