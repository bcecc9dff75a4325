"""`curves.png`: a run's table as one picture, viewable without a log viewer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from mirnet.errors import DataError
from mirnet.system.files import replacing
from mirnet.training import table
from mirnet.training.logs import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES = "curves.png"
"""The file's name in the folder of a run."""

Points = Float[np.ndarray, " n"]

WIDTH, PANEL = 12.0, 2.6
"""Width of the picture and height of a panel in inches of 100 pixels."""
SMOOTHED = 51
"""Approximate number of points over which a noisy curve is averaged."""
GREY = "0.45"


@dataclass(frozen=True)
class Panel:
    """One scalar and how it is plotted."""

    name: str
    title: str
    colour: str
    unit: str = ""
    digits: int = 2
    is_noisy: bool = False
    """Whether the curve is drawn pale behind its mean; on a logarithmic axis if it is positive."""
    has_best: bool = False
    """Whether the highest point is marked."""


PANELS = (
    Panel("loss", "loss", "#1f5fa8", is_noisy=True),
    Panel("psnr", "validation PSNR, dB", "#1b7f4d", unit=" dB", has_best=True),
    Panel("ssim_y", "validation SSIM of Y", "#7a3fa0", digits=4, has_best=True),
    Panel("lr", "learning rate", "#c2571a"),
)


def draw(folder: Path, *, borders: Sequence[int] = ()) -> Path:
    """Draw the table of a run as `curves.png` next to it, with one panel per measured scalar.

    Args:
        folder: folder of the run, which may still be running.
        borders: steps at which a new stage began; drawn as thin vertical lines.

    Returns:
        Where the picture is.

    Raises:
        DataError: if there is no table, it is damaged, or it holds nothing to draw.
        OSError: if folder or disk do not take the picture.
    """
    # without pyplot: it has global state, and may open a window
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import StrMethodFormatter

    rows = table.read(folder / METRICS)
    panels = [panel for panel in PANELS if len(_points(rows, panel)[0])]
    if not panels:
        raise DataError(f"{folder / METRICS} holds no finite values yet: try again later")
    figure = Figure(
        figsize=(WIDTH, 0.7 + PANEL * len(panels)),
        dpi=100,
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08),
    )
    all_axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_panel(axes, panel, rows)
        for border in borders:
            axes.axvline(border, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axes.set_xlabel("step")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    figure.suptitle(folder.resolve().name, fontsize=13, x=0.01, ha="left", weight="bold")
    with replacing(folder / CURVES) as part:
        figure.savefig(part, format="png")
    return folder / CURVES


def _draw_panel(axes: "Axes", panel: Panel, rows: Sequence[table.StepRow]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    steps, values = _points(rows, panel)
    if panel.is_noisy:
        if values.min() > 0:  # decibels are already logarithmic
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.plot(steps, values, color=panel.colour, linewidth=0.7, alpha=0.35)
        axes.plot(*_smoothed(steps, values), color=panel.colour, linewidth=1.8)
    else:
        marker = "." if panel.has_best and len(steps) <= 100 else ""
        axes.plot(steps, values, color=panel.colour, linewidth=1.6, marker=marker)
    top = table.best(rows, panel.name) if panel.has_best else None
    if top:
        axes.plot(*top, "o", color=panel.colour, markerfacecolor="white", markersize=8, zorder=5)
    best = f"best {top[1]:.{panel.digits}f}{panel.unit} at step {top[0]:,}" if top else ""
    axes.set_title(panel.title, loc="left", fontsize=11)
    axes.set_title(best, loc="right", fontsize=11, color=panel.colour)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.015)
    axes.tick_params(color=GREY, labelcolor="0.25")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(GREY)


def _points(rows: Sequence[table.StepRow], panel: Panel) -> tuple[Points, Points]:
    """Steps and values that can be drawn."""
    points = [(row.step, row.values.get(panel.name, math.nan)) for row in rows]
    drawn = [(step, value) for step, value in points if math.isfinite(value)]
    steps, values = np.array(drawn, dtype=float).reshape(-1, 2).T
    return steps, values


def _smoothed(
    steps: Points, values: Points
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """The mean of each point and its neighbours, without the ends."""
    width = min(SMOOTHED, max(len(values) // 10, 1))
    means = np.convolve(values, np.full(width, 1 / width), mode="valid")
    start = (width - 1) // 2
    return steps[start : start + len(means)], means
