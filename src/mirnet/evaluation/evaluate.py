"""Measure models and baselines over folders of pairs, in one call."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from mirnet.evaluation import baselines as known
from mirnet.evaluation.method import (
    Method,
    ModelMethod,
    common_scale,
    common_views,
    short_names,
)
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
    """Result of an evaluation."""

    methods: Sequence[Method]
    """Models, then baselines. They are closed; only their `name` and `facts` can be used."""
    results: Sequence[Measured | Failed]
    """Results of the individual pairs."""
    summaries: Mapping[Path, Summary]
    """Means of each folder."""
    overall: Summary
    """Means of all pairs."""


@runtime_checkable
class Watcher(Protocol):
    """Receives events while pairs are measured."""

    def begin(self, total: int) -> None:
        """Called first, with the number of pairs that will be measured."""
        ...

    def measured(self, result: Measured | Failed) -> None:
        """Called after each pair."""
        ...


def open_methods(
    stack: ExitStack,
    models: Sequence[str],
    load: Callable[[str], Restorer],
    baselines: Sequence[str] = (),
) -> tuple[list[Method], int]:
    """Open models, then baselines; returns them and their common scale.

    Args:
        stack: closes the models.
        models: names in the catalogue, or files.
        load: opens a model.
        baselines: see `baselines.open_all`.

    Raises:
        DataError: if methods are given twice, enlarge differently, or take one picture and two
            views.
        RuntimeMissingError: if a library is not installed.
        WeightsError: if there is no such model.
    """
    named = zip(short_names(models), models, strict=True)
    methods: list[Method] = [
        ModelMethod(name, model, stack.enter_context(load(model))) for name, model in named
    ]
    scale = common_scale(methods)
    methods += known.open_all(baselines, scale)
    common_scale(methods)
    common_views(methods)
    return methods, scale


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
    shave: int | None = None,
    match_light: bool = False,
    watcher: Watcher | None = None,
) -> Evaluation:
    """Restore all pairs with all methods, measure them, and write the outputs requested.

    All arguments are checked before the first pair. A table or a page appears only if the whole run
    succeeds; a pair that fails is reported and excluded from the means.

    Args:
        folders: folders of pairs: picture files, shards, or SIDD's two .mat files.
        models: names in the catalogue, or files.
        load: opens a model.
        baselines: see `baselines.open_all`.
        limit: maximum number of pairs per folder; None for all.
        lpips: see `scores.measure`.
        save_images: a folder for the restored pictures.
        csv: path of a table with one row per method and pair.
        report: path of a page, .html.
        report_pictures: maximum number of pairs shown with pictures in the page.
        command: the command of this evaluation, shown in the page.
        shave: pixels along each border that are not measured; None for as many as the models'
            scale if they enlarge, and none otherwise.
        match_light: see `scores.measure`.
        watcher: called for each pair.

    Raises:
        DataError: if a folder holds no pairs, or pairs of other views than the methods take;
            methods or folders are given twice, or methods differ in scale or views.
        RuntimeMissingError: if a library is not installed.
        WeightsError: if there is no such model.
        OSError: if a folder takes no file.
    """
    with ExitStack() as stack:
        methods, scale = open_methods(stack, models, load, baselines)
        if shave is None:
            shave = scale if scale > 1 else 0
        with needs("train", "reading shards"):
            data_sets = open_all(folders, limit=limit, scale=scale, views=common_views(methods))
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
        measured = run(
            data_sets,
            methods,
            lpips=lpips,
            images=images,
            show=show,
            shave=shave,
            match_light=match_light,
        )
        for result in measured:
            results.append(result)
            for summary in (summaries[result.folder], overall):
                summary.add(result)
            if writer:
                writer.writerows(rows(result))
            if watcher:
                watcher.measured(result)
        if page:
            page.write(methods, results, summaries, overall)
    return Evaluation(methods, results, summaries, overall)
