"""What `mirnet restore` tells: a line a picture, or JSON, and at the end the means."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from mirnet import strict_json
from mirnet.cli.progress import PictureProgress
from mirnet.evaluation.reference.comparison import PROTOCOLS, Comparison, Mean, PairFigures, mean
from mirnet.pictures.vips import shown
from mirnet.restoration.folder import FileResult
from mirnet.restoration.restored import left_alone
from mirnet.restoration.restorer import Restorer

TITLES = ("input", "restored")
"""Names of the two pictures that are measured."""


def print_result(
    result: FileResult,
    comparison: Comparison | None,
    progress: PictureProgress,
    restorer: Restorer,
    *,
    as_json: bool,
) -> None:
    """The result on standard output; what went wrong or changed, on standard error."""
    if as_json:
        progress.print_result(json.dumps(_record(result, comparison, restorer), allow_nan=False))
    if result.status == "failed":
        progress.print_message(f"mirnet: {result.error}")
        return
    if result.tiles_kept:
        progress.print_message(
            f"mirnet: {shown(result.source)}: {left_alone(result.tiles_kept, result.tiles)}"
        )
    for note in result.notes:
        progress.print_message(f"mirnet: {shown(result.source)}: {note}")
    if comparison and comparison.error:
        progress.print_message(f"mirnet: {comparison.error}")
    if not as_json:
        progress.print_result(_line(result, comparison))


def print_summary(results: Sequence[FileResult]) -> None:
    """How many were restored, on standard error."""
    counts = Counter(result.status for result in results)
    parts = [f"{counts[status]} {status}" for status in ("restored", "skipped", "failed")]
    typer.echo("mirnet: " + ", ".join(parts), err=True)


def print_means(reference: Path, comparisons: Sequence[Comparison], *, as_json: bool) -> None:
    """The means on standard output, unless they are of one picture and for people.

    What they do not hold is said on standard error.
    """
    means = {
        title: mean([each for comparison in comparisons if (each := getattr(comparison, title))])
        for title in TITLES
    }
    measured = sum(1 for comparison in comparisons if comparison.restored)
    if as_json:
        head = {"status": "means", "reference": str(reference), "protocols": dict(PROTOCOLS)}
        counts = {"measured": measured, "not_measured": len(comparisons) - measured}
        typer.echo(json.dumps(head | counts | _means_record(means), allow_nan=False))
    elif measured > 1:
        of = f"{measured} of {len(comparisons)}" if measured < len(comparisons) else measured
        psnr, ssim = _changes(*(each.figures for each in means.values() if each))
        typer.echo(
            f"mean of {of} pictures  PSNR (all pixels and channels) {psnr}  "
            f"SSIM (mean of the channels) {ssim}"
        )
    for line in _left_out(means, measured, len(comparisons)) if len(comparisons) > 1 else ():
        typer.echo(f"mirnet: {line}", err=True)


def _line(result: FileResult, comparison: Comparison | None) -> str:
    if result.status == "skipped":
        line = f"{shown(result.target)} already exists (--overwrite redoes it)"
    else:
        megapixels = result.height * result.width / 1e6
        line = (
            f"{shown(result.target)}  {result.width}x{result.height}  {result.seconds:.1f} s  "
            f"{megapixels / result.seconds:.2f} MP/s"
        )
    if comparison and comparison.input and comparison.restored:
        psnr, ssim = _changes(comparison.input, comparison.restored)
        line += f"  {psnr}  SSIM {ssim}"
    return line


def _changes(before: PairFigures, after: PairFigures) -> tuple[str, str]:
    """PSNR and SSIM, from the input's to the restored picture's."""
    return (
        f"{before.psnr:.2f} -> {after.psnr:.2f} dB",
        f"{before.ssim:.3f} -> {after.ssim:.3f}",
    )


def _left_out(means: Mapping[str, Mean | None], measured: int, count: int) -> Iterator[str]:
    """What the means do not hold, in words."""
    if measured < count:
        yield f"{count - measured} of {count} pictures were not measured and are in no mean"
    for title, each in means.items():
        if each and each.infinite:
            yield (
                f"{each.infinite} of {measured} {title} pictures equal the reference: their "
                "infinite PSNR is left out of its mean"
            )


def _record(
    result: FileResult, comparison: Comparison | None, restorer: Restorer
) -> dict[str, Any]:
    record = asdict(result) | {
        "source": str(result.source),
        "target": str(result.target),
        "runtime": restorer.runtime.name,
        "precision": restorer.facts.precision,
    }
    if comparison is None:
        return record
    return record | {
        "error": result.error or comparison.error,
        "reference": str(comparison.reference),
        **{title: _figures_record(getattr(comparison, title)) for title in TITLES},
    }


def _means_record(means: Mapping[str, Mean | None]) -> dict[str, Any]:
    figures = {
        title: _figures_record(each.figures if each else None) for title, each in means.items()
    }
    infinite = {
        f"{title}_infinite": {"psnr": each.infinite} if each and each.infinite else {}
        for title, each in means.items()
    }
    return figures | infinite


def _figures_record(figures: PairFigures | None) -> dict[str, float | None] | None:
    """What JSON holds of them: an infinite PSNR, which it cannot say, is null."""
    record: dict[str, float | None] | None = strict_json.plain(figures and asdict(figures))
    return record
