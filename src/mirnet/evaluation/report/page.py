"""The page: figures, pictures, and its script, in one HTML file."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mirnet.evaluation import scores
from mirnet.evaluation.method import INPUT, Method
from mirnet.evaluation.report.sources import FOLDER, content
from mirnet.evaluation.report.views import AMPLIFIED, TRUTH, Views
from mirnet.evaluation.run import Failed, Measured
from mirnet.evaluation.scores import Figure
from mirnet.evaluation.summary import Summary
from mirnet.extras import needs
from mirnet.system import machine

if TYPE_CHECKING:
    from jinja2 import Environment

SCRIPTS = (
    *("vendor/d3.min.js", "vendor/plot.umd.min.js", "vendor/img-comparison-slider.js"),
    *("vendor/sortable.min.js", "page.js"),
)
STYLES = ("vendor/img-comparison-slider.css", "page.css")


FIGURES = (
    *scores.FIGURES,
    Figure("seconds_per_megapixel", "s/MP", 2, "seconds per megapixel, restoring only", "less"),
)
"""Figures that get a column, a plot and a mean."""


@dataclass(frozen=True)
class Report:
    """Contents of the page."""

    command: str
    """The command line."""
    methods: Sequence[Method]
    results: Sequence[Measured | Failed]
    """Results in order of measurement."""
    shown: Mapping[int, Views]
    """See `gallery.Gallery`."""
    summaries: Mapping[str, Summary]
    """Summaries by the names of the data sets; if there are several, the last one covers all."""
    seconds: float
    """Duration of the whole run."""


def environment() -> "Environment":
    """The template engine.

    Raises:
        RuntimeMissingError: if Jinja is not installed.
    """
    with needs("evaluate", "the report"):
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(report: Report) -> str:
    """The page as HTML.

    Raises:
        RuntimeMissingError: as `environment` does.
    """
    return (
        environment()
        .get_template("page.html")
        .render(
            report=report,
            first=report.methods[0].name,
            names=[INPUT, *(method.name for method in report.methods)],
            input=INPUT,
            infinity=math.inf,
            figures=_present(report),
            means={name: _means(summary) for name, summary in report.summaries.items()},
            failed=[each for each in report.results if isinstance(each, Failed)],
            facts=_table_of_facts(report.methods),
            machine=machine.describe(),
            versions=machine.versions(),
            date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
            data=_script_json(_data(report)),
            scripts=[content(name) for name in SCRIPTS],
            styles=[content(name) for name in STYLES],
            amplified=AMPLIFIED,
        )
    )


def _present(report: Report) -> list[Figure]:
    """All figures, without the optional ones that were not measured."""
    inputs = [each.input for each in report.results if isinstance(each, Measured)]
    return [
        figure
        for figure in FIGURES
        if not figure.is_optional or any(getattr(each, figure.key) is not None for each in inputs)
    ]


def _means(summary: Summary) -> dict[str, dict[str, float | None]]:
    """Means by method, then by figure."""
    return {
        name: (asdict(column.means.scores) if column.means.scores else {})
        | {"seconds_per_megapixel": summary.seconds_per_megapixel(name)}
        for name, column in summary.columns.items()
    }


def _table_of_facts(methods: Sequence[Method]) -> dict[str, list[str]]:
    """Rows of facts about the methods, each with one cell per method."""
    names = dict.fromkeys(name for method in methods for name in method.facts)
    return {name: [_words(method.facts.get(name)) for method in methods] for name in names}


def _words(fact: object) -> str:
    if fact is None:
        return "–"
    return f"{fact:,}" if isinstance(fact, int) else str(fact)


def _data(report: Report) -> dict[str, Any]:
    """The data read by the page's script."""
    measured = [each for each in report.results if isinstance(each, Measured)]
    return {
        "methods": [method.name for method in report.methods],
        "input": INPUT,
        "truth": TRUTH,
        "figures": [asdict(figure) for figure in _present(report)],
        "pairs": [
            {
                "data": str(pair.folder),
                "name": pair.name,
                "size": [pair.width, pair.height],
                "figures": _figures(pair),
            }
            for pair in measured
        ],
        "views": {number: asdict(views) for number, views in report.shown.items()},
    }


def _figures(pair: Measured) -> dict[str, dict[str, float | str | None]]:
    megapixels = pair.height * pair.width / 1e6
    figures = {INPUT: asdict(pair.input)}
    for name, outcome in pair.outcomes.items():
        seconds = {"seconds_per_megapixel": outcome.seconds / megapixels}
        figures[name] = asdict(outcome.scores) | seconds
    return {name: {key: _number(n) for key, n in each.items()} for name, each in figures.items()}


def _number(value: float | None) -> float | str | None:
    """Rounded to the relevant digits; JSON has no infinity, so it becomes text for JavaScript."""
    if value is None:
        return None
    return "Infinity" if math.isinf(value) else float(f"{value:.6g}")


def _script_json(data: dict[str, Any]) -> str:
    """JSON that is safe inside a script element, whatever names it contains."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
