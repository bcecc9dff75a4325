"""Plot of the stages of all runtimes: horizontal bars."""

from collections.abc import Sequence
from pathlib import Path

from mirnet.benchmark.clock import STAGES
from mirnet.benchmark.driver import MeasuredTrial
from mirnet.system.files import replacing

WIDTH, BAR, AROUND = 10.0, 0.5, 1.9
"""Width of the picture, height of a bar, and height around the bars, in inches of 100 pixels."""
COLOURS = ("#7a3fa0", "#b79bd0", "#1f5fa8", "#8fb4dc", "#e0a368", "#c2571a")
"""Colours of the stages."""
GREY = "0.45"


def draw(path: Path, outcomes: Sequence[MeasuredTrial], *, title: str, subtitle: str) -> None:
    """Draw the medians of at least one runtime, stage after stage, as a PNG.

    Raises:
        OSError: if folder or disk do not take the picture.
    """
    # without pyplot: it has global state, and may open a window
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, AROUND + BAR * len(outcomes)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    ends = [0.0] * len(outcomes)
    for stage, colour in zip(STAGES, COLOURS, strict=True):
        spreads = [each.figures.stages.get(stage) for each in outcomes]
        widths = [spread.median * 1e3 if spread else 0.0 for spread in spreads]
        axes.barh(range(len(outcomes)), widths, 0.62, ends, color=colour, label=stage)
        ends = [end + width for end, width in zip(ends, widths, strict=True)]
    for row, (end, each) in enumerate(zip(ends, outcomes, strict=True)):
        whole = f" {each.figures.whole.median * 1e3:,.0f} ms"
        speed = f"  {each.figures.megapixels_per_second:.3f} MP/s"
        axes.text(end, row, whole + speed, va="center", color="0.25")
    axes.set_yticks(range(len(outcomes)), [each.runtime for each in outcomes])
    axes.invert_yaxis()
    axes.set_xlim(0, max(ends) * 1.28)  # room for the labels next to the bars
    axes.set_xlabel("milliseconds a picture")
    axes.set_title(subtitle, loc="left", fontsize=9, color=GREY)
    axes.tick_params(color=GREY, labelcolor="0.25")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(GREY)
    figure.suptitle(title, fontsize=13, x=0.01, ha="left", weight="bold")
    figure.legend(loc="outside lower left", ncols=len(STAGES), frameon=False)
    with replacing(path) as part:
        figure.savefig(part, format="png")
