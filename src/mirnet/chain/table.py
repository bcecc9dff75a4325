"""What a chain has come to, as a table for people: a line for each figure with its bound."""

from collections.abc import Sequence

from mirnet.chain.parts import Result

Row = tuple[str, ...]

HEADINGS: Row = ("link", "part", "status", "s", "figure", "bound", "what")
RIGHT = 3
"""The column of seconds, flush right."""


def text(results: Sequence[Result]) -> str:
    """The table, without a last line break."""
    rows, last = [HEADINGS], ""
    for result in results:
        rows += _rows(result, "" if result.link == last else result.link)
        last = result.link
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _rows(result: Result, link: str) -> list[Row]:
    """One for each check, of which the first one has all that is of the part."""
    seconds = f"{result.seconds:.1f}" if result.seconds else ""
    what = result.reason or result.did
    checks = [(check.found, check.expected) for check in result.checks] or [("", "")]
    first, *others = checks
    head = (link, result.part, str(result.status), seconds, *first, what)
    return [head, *(("", "", "", "", *check, "") for check in others)]


def _line(row: Row, widths: list[int]) -> str:
    cells = [
        f"{cell:>{width}}" if number == RIGHT else f"{cell:{width}}"
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
