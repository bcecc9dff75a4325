"""The figures of `mirnet evaluate` as a table in Markdown, to paste into a page.

    python benchmarks/quality.py DATA ... [options of mirnet evaluate]

Of one DATA: a row for each method, a column for each figure. Of several: a row for each DATA and a
column for each method, with PSNR and SSIM; there, a method at several strengths (`nlm:15` and
`nlm:25`, or the models `ffdnet_15.onnx` and `ffdnet_25.onnx`) has one column, with the strength of
the best PSNR in brackets, chosen for each DATA by its truth. The best of a row, or of a column, is
bold.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirnet.evaluation.scores import FIGURES

SHOWN = ("psnr", "ssim", "ssim_y", "ssim_volume", "noise")
PAIR = ("psnr", "ssim")
STRENGTH = re.compile(r"[:_](?=\d+$)")
"""Between a method's name and its strength."""

Means = dict[str, Any]


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    sets = evaluate(sys.argv[1:])
    print(by_figure(*sets.values()) if len(sets) == 1 else by_set(sets))


def evaluate(options: Sequence[str | Path]) -> dict[str, dict[str, Means]]:
    """The means of each method by set, in the order of `mirnet evaluate` with these options."""
    command = [sys.executable, "-m", "mirnet", "evaluate", *options, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    last = json.loads(done.stdout.splitlines()[-1])
    return {
        Path(each["data"]).name: {"input": each["input"], **each["methods"]}
        for each in last["data"]
    }


def by_figure(methods: dict[str, Means]) -> str:
    """A row for each method."""
    figures = [figure for figure in FIGURES if figure.key in SHOWN]
    best = {key: max(each[key] for each in methods.values()) for key in SHOWN if key != "noise"}
    lines = [row("", *(figure.heading for figure in figures), "s/MP"), rule(len(figures) + 1)]
    for name, means in methods.items():
        cells = [cell(means[each.key], each.digits, best.get(each.key)) for each in figures]
        seconds = means.get("seconds_per_megapixel")
        lines.append(row(code(name), *cells, "" if seconds is None else f"{seconds:.1f}"))
    return "\n".join(lines)


def by_set(sets: dict[str, dict[str, Means]]) -> str:
    """A row for each set."""
    names = list(dict.fromkeys(STRENGTH.split(name)[0] for name in next(iter(sets.values()))))
    lines = [row("", *map(code, names)), rule(len(names))]
    for title, methods in sets.items():
        chosen = {name: strongest(name, methods) for name in names}
        best = {key: max(methods[each][key] for each in chosen.values()) for key in PAIR}
        cells = []
        for name, full in chosen.items():
            means = methods[full]
            both = [
                cell(means[key], digits, best[key])
                for key, digits in zip(PAIR, (2, 3), strict=True)
            ]
            strength = f" ({STRENGTH.split(full)[1]})" if full != name else ""
            cells.append(" / ".join(both) + strength)
        lines.append(row(code(title), *cells))
    return "\n".join(lines)


def strongest(name: str, methods: dict[str, Means]) -> str:
    """Of one method's strengths, that of the best PSNR."""
    family = [each for each in methods if STRENGTH.split(each)[0] == name]
    return max(family, key=lambda each: methods[each]["psnr"])


def cell(value: float, digits: int, best: float | None) -> str:
    text = f"{value:.{digits}f}"
    return f"**{text}**" if best is not None and text == f"{best:.{digits}f}" else text


def code(name: str) -> str:
    return name if name == "input" else f"`{name}`"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def rule(columns: int) -> str:
    return "|" + "---|" * (columns + 1)


if __name__ == "__main__":
    main()
