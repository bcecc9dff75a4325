"""How `--help` looks, beyond what typer does by itself."""

import itertools
import re
from typing import Any

from typer.core import TyperCommand

COMPUTED = re.compile(r"\[default: \((.+?)\)(?=[];])")
"""A default in words; typer puts it in brackets."""


EMPTY = re.compile(r"--[\w-]+=")
"""An option with an equals sign and nothing behind it."""


class Command(TyperCommand):
    """A command whose help shows no Python types, and defaults in one style.

    Options have a metavar instead of their type; arguments, which typer shows with both, have
    their name alone.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own
        """Parse the words; an empty one, as of a variable without a value, is refused.

        As a path it would be the current folder.
        """
        for before, word in itertools.pairwise(["", *args]):
            option = word.rstrip("=") if EMPTY.fullmatch(word) else before
            if not word or option is not before:
                what = f"The value of {option}" if option.startswith("-") else "An argument"
                ctx.fail(f"{what} is empty: is a variable without a value?")
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer's own click
        """Write the sections of arguments and options."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                name, text = record
                is_argument = parameter.param_type_name == "argument"
                shown = name.partition(" <")[0] if is_argument else name
                section = "Arguments" if is_argument else "Options"
                sections[section].append((shown, COMPUTED.sub(r"[default: \1", text)))
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
