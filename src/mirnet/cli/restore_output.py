"""Output of `mirnet restore`: one line or JSON object per picture, and the means at the end."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mirnet import strict_json
from mirnet.cli.progress import PictureProgress
from mirnet.errors import MirnetError
from mirnet.evaluation.reference.comparison import PROTOCOLS, Comparison, Mean, PairFigures, mean
from mirnet.pictures.vips import shown
from mirnet.restoration.folder import FileResult, LeftOut, Route
from mirnet.restoration.restored import left_alone
from mirnet.restoration.restorer import Restorer, usual_order
from mirnet.system.files import is_stream

if TYPE_CHECKING:
    from mirnet.evaluation.report.before_after import Page

TITLES = ("input", "restored")
"""Names of the two pictures that are measured."""


def print_result(
    result: FileResult,
    comparison: Comparison | None,
    progress: PictureProgress,
    restorer: Restorer,
    *,
    as_json: bool,
    hint: str = "--overwrite redoes it",
) -> None:
    """Print the result to standard output; errors and notes go to standard error.

    `hint` says what to do about a result that was there before.
    """
    if as_json:
        progress.print_result(strict_json.dumps(_record(result, comparison, restorer)))
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
        progress.print_result(_line(result, comparison, hint))


class BeforeAndAfter:
    """The page of `--compare`, or nothing without it."""

    def __init__(self, page: "Page | None") -> None:
        self._page = page
        self.has_failed = False
        """Whether a result could not be shown."""

    def show(self, result: FileResult, progress: PictureProgress) -> None:
        """Show a result, new or not; why one cannot be shown goes to standard error."""
        if self._page is None:
            return
        if result.status == "failed" or is_stream(result.target):
            self._page.skip()
            return
        try:
            self._page.show(result.source, result.target)
        except (MirnetError, MemoryError) as error:
            self.has_failed = True
            reason = str(error) or "not enough memory"
            progress.print_message(f"mirnet: {shown(result.source)} cannot be shown: {reason}")


@contextmanager
def comparing(
    path: Path | None, jobs: Sequence[Route], model: str, restorer: Restorer
) -> Iterator[BeforeAndAfter]:
    """Write the page of `--compare`, which appears at the end.

    Raises:
        ImageError: if its name is none of a page.
        OSError: if the folder takes no file.
    """
    if path is None:
        yield BeforeAndAfter(None)
        return
    from mirnet.evaluation.report.before_after import writing

    settings = f"{model}, strength {restorer.strength:g}"
    if restorer.self_ensemble > 1:
        settings += f", {restorer.self_ensemble} views"
    if restorer.grain.amount:
        settings += f", grain {restorer.grain.amount:g}"
    with writing(path, len(jobs), settings) as page:
        yield BeforeAndAfter(page)


def print_order(models: Sequence[str], restorer: Restorer) -> None:
    """Say on standard error in which order several models run, and what the usual order is."""
    if len(models) == 1:
        return
    typer.echo(f"mirnet: {', then '.join(models)}", err=True)
    usual = usual_order([each.facts for each in restorer.chain])
    if usual:
        order = " ".join(f"--model {models[place]}" for place in usual)
        typer.echo(f"mirnet: this order is unusual; the usual one: {order}", err=True)


def print_summary(results: Sequence[FileResult]) -> None:
    """Print the numbers of restored, skipped and failed pictures to standard error."""
    counts = Counter(result.status for result in results)
    parts = [f"{counts[status]} {status}" for status in ("restored", "skipped", "failed")]
    typer.echo("mirnet: " + ", ".join(parts), err=True)


def print_left_out(left_out: LeftOut) -> None:
    """What the folders held besides the pictures, on standard error."""
    for line in left_out.unreadable:
        typer.echo(f"mirnet: {line}", err=True)
    if left_out.kinds:
        typer.echo(f"mirnet: left out: {left_out}", err=True)


def print_means(reference: Path, comparisons: Sequence[Comparison], *, as_json: bool) -> None:
    """Print the means to standard output; as text, only for more than one picture.

    Pictures left out of them are reported on standard error.
    """
    means = {
        title: mean([each for comparison in comparisons if (each := getattr(comparison, title))])
        for title in TITLES
    }
    measured = sum(1 for comparison in comparisons if comparison.restored)
    if as_json:
        head = {"status": "means", "reference": str(reference), "protocols": dict(PROTOCOLS)}
        counts = {"measured": measured, "not_measured": len(comparisons) - measured}
        typer.echo(strict_json.dumps(head | counts | _means_record(means)))
    elif measured > 1:
        of = f"{measured} of {len(comparisons)}" if measured < len(comparisons) else measured
        psnr, ssim = _changes(*(each.figures for each in means.values() if each))
        typer.echo(
            f"mean of {of} pictures  PSNR (all pixels and channels) {psnr}  "
            f"SSIM (mean of R, G and B) {ssim}"
        )
    for line in _left_out(means, measured, len(comparisons)) if len(comparisons) > 1 else ():
        typer.echo(f"mirnet: {line}", err=True)


def _line(result: FileResult, comparison: Comparison | None, hint: str) -> str:
    if result.status == "skipped":
        line = f"{shown(result.target)} already exists ({hint})"
    else:
        megapixels = result.height * result.width / 1e6
        size = f"{result.width}x{result.height}"
        if result.scale > 1:
            size += f" -> {result.width * result.scale}x{result.height * result.scale}"
        line = (
            f"{shown(result.target)}  {size}  {result.seconds:.1f} s  "
            f"{megapixels / result.seconds:.2f} MP/s"
        )
    if comparison and comparison.input and comparison.restored:
        psnr, ssim = _changes(comparison.input, comparison.restored)
        line += f"  {psnr}  SSIM {ssim}"
    return line


def _changes(before: PairFigures, after: PairFigures) -> tuple[str, str]:
    """PSNR and SSIM before and after restoring, as text."""
    return (
        f"{before.psnr:.2f} -> {after.psnr:.2f} dB",
        f"{before.ssim:.4f} -> {after.ssim:.4f}",
    )


def _left_out(means: Mapping[str, Mean | None], measured: int, count: int) -> Iterator[str]:
    """What was left out of the means, one line each."""
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
        "runtime": _each(each.runtime.name for each in restorer.chain),
        "precision": _each(each.facts.precision for each in restorer.chain),
    }
    if comparison is None:
        return record
    return record | {
        "error": result.error or comparison.error,
        "reference": str(comparison.reference),
        **{title: _figures_record(getattr(comparison, title)) for title in TITLES},
    }


def _each(values: Iterable[str]) -> str:
    """What holds for all models, or for each in turn."""
    found = list(values)
    return found[0] if len(set(found)) == 1 else " + ".join(found)


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
    """The figures for JSON, where an infinite PSNR is null."""
    record: dict[str, float | None] | None = strict_json.plain(figures and asdict(figures))
    return record
