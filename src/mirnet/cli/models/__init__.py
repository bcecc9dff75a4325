"""`mirnet models`: the bundled models, and those that are shared on a hub. One file a command."""

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from mirnet.cli.help import Command
from mirnet.cli.models import listed, pull, push, show


class Models(TyperGroup):
    """A group that lists without a command, and shows the card of a model that is named instead."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own
        """Parse the words, the left out command put in."""
        return super().parse_args(ctx, self._completed(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - click's own
        """Find the command, also for words that no one has parsed."""
        return super().resolve_command(ctx, self._completed(args))

    def _completed(self, args: Sequence[str]) -> list[str]:
        first, *rest = args or ["list"]
        if first in self.commands or first == "--help":
            return [first, *rest]
        if first.startswith("-"):
            return ["list", *args]
        return ["show", "--card", *args]


app = typer.Typer(
    name="models",
    cls=Models,
    help="""List models, show one, fetch one that is shared, or share one.

    \b
    Examples:
      mirnet models
      mirnet models show denoise
      mirnet models pull hf://owner/name
      mirnet models push mine.safetensors hf://owner/name --dry-run card

    Without a command the bundled models are listed, and `mirnet models NAME` prints a whole card.
    """,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("list", cls=Command)(listed.list_models)
app.command("show", cls=Command)(show.show)
app.command("pull", cls=Command)(pull.pull)
app.command("push", cls=Command)(push.push)
