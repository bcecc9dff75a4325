"""The page of an evaluation, written after all pairs are measured."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mirnet.evaluation.method import Method
from mirnet.evaluation.report import page
from mirnet.evaluation.report.gallery import Gallery
from mirnet.evaluation.run import Failed, Measured
from mirnet.evaluation.summary import Summary
from mirnet.system.files import remove_stale, replacing


class Page:
    """Collects the pictures of the page while pairs are measured, and writes it.

    Args:
        part: the file that is written.
        gallery: receives the pictures.
        command: the command of the evaluation.
    """

    def __init__(self, part: Path, gallery: Gallery, command: str) -> None:
        self.show = gallery.show
        self._part = part
        self._gallery = gallery
        self._command = command
        self._started = time.monotonic()

    def write(
        self,
        methods: Sequence[Method],
        results: Sequence[Measured | Failed],
        summaries: Mapping[Path, Summary],
        overall: Summary,
    ) -> None:
        """Write the page."""
        parts = {str(folder): summary for folder, summary in summaries.items()}
        if len(parts) > 1:
            parts["all"] = overall
        report = page.Report(
            command=self._command,
            methods=methods,
            results=results,
            shown=self._gallery.shown,
            summaries=parts,
            seconds=time.monotonic() - self._started,
        )
        # file names may contain bytes that no encoding represents
        self._part.write_text(page.render(report), encoding="utf-8", errors="backslashreplace")


@contextmanager
def writing(path: Path, pictures: int, total: int, command: str) -> Iterator[Page]:
    """A page that appears only if the evaluation succeeds.

    Args:
        path: path of the page.
        pictures: maximum number of pairs shown with pictures.
        total: total number of pairs.
        command: the command of the evaluation.

    Raises:
        RuntimeMissingError: if the library that fills it in is not installed.
        OSError: if the folder takes no file.
    """
    page.environment()  # fail now, not after an hour of measuring
    remove_stale(path.parent)  # of evaluations that were killed
    with replacing(path) as part:
        yield Page(part, Gallery(limit=pictures, total=total), command)
