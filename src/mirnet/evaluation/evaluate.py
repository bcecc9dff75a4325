"""Models and baselines measured over folders of pairs, in one call."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from mirnet.evaluation import baselines as known
from mirnet.evaluation.method import Method, ModelMethod, short_names
from mirnet.evaluation.report.writing import writing
from mirnet.evaluation.restored_images import RestoredImages
from mirnet.evaluation.run import Failed, Measured, run
from mirnet.evaluation.scores import Distance
from mirnet.evaluation.sets import open_all
from mirnet.evaluation.summary import Summary
from mirnet.evaluation.table import rows, table
from mirnet.extras import needs
from mirnet.restoration.restorer import Restorer


@dataclass(frozen=True)
class Evaluation:
    """What came of it."""

    methods: Sequence[Method]
    """Models, then baselines. Closed: they tell their `name` and `facts`."""
    results: Sequence[Measured | Failed]
    """Pair by pair."""
    summaries: Mapping[Path, Summary]
    """The means of each folder."""
    overall: Summary
    """The means of all."""


@runtime_checkable
class Watcher(Protocol):
    """Who wants to know while pairs are measured."""

    def begin(self, total: int) -> None:
        """So many pairs will be measured."""
        ...

    def measured(self, result: Measured | Failed) -> None:
        """One more pair."""
        ...


def evaluate(
    folders: Sequence[Path],
    models: Sequence[str],
    load: Callable[[str], Restorer],
    *,
    baselines: Sequence[str] = (),
    limit: int | None = None,
    lpips: Distance | None = None,
    save_images: Path | None = None,
    csv: Path | None = None,
    report: Path | None = None,
    report_pictures: int = 40,
    command: str = "",
    watcher: Watcher | None = None,
) -> Evaluation:
    """Restore all pairs by all methods, measure them, and write what is asked for.

    Everything that can be refused is refused before the first pair. A table or a page appears when
    all went without an error; a pair that fails is told and left out of the means.

    Args:
        folders: of pairs: picture files, shards, or SIDD's two .mat files.
        models: of the catalogue, or files.
        load: opens one.
        baselines: see `baselines.open_all`.
        limit: the most pairs of each folder; None for all.
        lpips: see `scores.measure`.
        save_images: a folder for the restored pictures.
        csv: a table with a row for each method and pair.
        report: a page, .html.
        report_pictures: the most pairs whose pictures are in the page.
        command: how this was asked for, for the page.
        watcher: told of each pair.

    Raises:
        DataError: if a folder holds no pairs, or methods or folders are given twice.
        RuntimeMissingError: if a library is not installed.
        WeightsError: if there is no such model.
        OSError: if a folder takes no file.
    """
    with ExitStack() as stack:
        with needs("train", "reading shards"):
            data_sets = open_all(folders, limit=limit)
        others = known.open_all(baselines)
        named = zip(short_names(models), models, strict=True)
        methods: list[Method] = [
            ModelMethod(name, model, stack.enter_context(load(model))) for name, model in named
        ]
        methods += others
        names = [method.name for method in methods]
        images = RestoredImages(save_images, folders, names) if save_images else None
        writer = stack.enter_context(table(csv)) if csv else None
        total = sum(data.count for data in data_sets)
        page = (
            stack.enter_context(writing(report, report_pictures, total, command))
            if report
            else None
        )
        if watcher:
            watcher.begin(total)
        results: list[Measured | Failed] = []
        summaries = {data.folder: Summary(methods) for data in data_sets}
        overall = Summary(methods)
        show = page.show if page else None
        for result in run(data_sets, methods, lpips=lpips, images=images, show=show):
            results.append(result)
            for summary in (summaries[result.folder], overall):
                summary.add(result)
            if writer:
                writer.writerows(rows(result))
            if page:
                page.add(result)
            if watcher:
                watcher.measured(result)
        if page:
            page.write(methods, summaries, overall)
    return Evaluation(methods, results, summaries, overall)
