"""The watched folder: wait for pictures, and restore each once."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mirnet.errors import ImageError, MirnetError
from mirnet.extras import needs
from mirnet.pictures import codec
from mirnet.pictures.vips import shown
from mirnet.restoration import folder as pictures
from mirnet.restoration.folder import FileResult, LeftOut, Route
from mirnet.restoration.restorer import Progress, Restorer
from mirnet.system import locks
from mirnet.watch.arrivals import Arrivals, Version, version_of
from mirnet.watch.journal import Journal

log = logging.getLogger(__name__)

JOURNAL = ".mirnet-watch.jsonl"
LOCK = ".mirnet-watch.lock"
"""Files in the output folder."""

RESCAN = 30.0
"""Seconds after which the folder is listed anyway: network drives report few changes or none."""
GLANCE = 0.5
"""Seconds between two looks at files that wait to become complete."""


class Watch:
    """Pictures that arrive in a folder; `opened` makes one.

    Changes that the system reports only wake it up. What there is to do follows from the folder's
    content and the journal, so a change that is missed while a picture is restored, or while the
    program does not run, is found all the same.

    Args:
        folder: the folder to watch.
        output: the folder for results.
        journal: what was handled before.
        recursive: whether subfolders are watched too.
        format: png, jpeg, ...: format of the results; by default that of each picture.
        settle: seconds without a change after which a file is complete.
    """

    def __init__(
        self,
        folder: Path,
        output: Path,
        journal: Journal,
        *,
        recursive: bool = False,
        format: str | None = None,
        settle: float = 2.0,
    ) -> None:
        self._folder = folder
        self._output = output
        self._journal = journal
        self._recursive = recursive
        self._format = format
        self._arrivals = Arrivals(settle)
        self._reported: set[str] = set()

    def pictures(self, stop: threading.Event | None = None) -> Iterator[Route]:
        """Pictures that are complete and not yet handled, as they arrive, until `stop` is set.

        Give each to `restore` before taking the next.

        Raises:
            OSError: if the folder is gone or cannot be read.
            MirnetError: if the system refuses to watch it.
        """
        for _ in self._wakes(stop):
            for route, version in self._ready():
                if version_of(route.source) == version:  # else it is waited for again
                    yield route
                if stop and stop.is_set():
                    return

    def restore(
        self,
        route: Route,
        restorer: Restorer,
        *,
        quality: int | None = None,
        progress: Progress | None = None,
    ) -> FileResult | None:
        """Restore a picture and note it in the journal; None if it changed or vanished meanwhile.

        A result of an earlier version is replaced; a file that was not written here never is.

        Raises:
            OSError: if the journal cannot be written.
        """
        version = version_of(route.source)
        if version is None or self._journal.is_handled(route.source, version):
            return None
        maker = self._journal.maker(route.target)
        if maker not in (None, route.source):
            result = _clash(route, maker)
        else:
            self._journal.begin(route.source, version, route.target)
            (result,) = pictures.run(
                [route],
                restorer,
                overwrite=maker is not None,
                format=self._format,
                quality=quality,
                progress=progress,
            )
        if result.status == "failed" and version_of(route.source) is None:
            return None  # it was taken away
        self._journal.finish(route.source, version, route.target, result.status)
        return result

    def _ready(self) -> list[tuple[Route, Version]]:
        """The pictures that are complete now, and the version that is."""
        left_out = LeftOut()
        routes = {
            route.source: route
            for route in pictures.found(
                self._folder,
                self._output,
                recursive=self._recursive,
                format=self._format,
                left_out=left_out,
            )
        }
        for line in left_out.unreadable:
            if line not in self._reported:
                self._reported.add(line)
                log.warning("%s", line)
        fresh = {
            source: version
            for source in routes
            if (version := version_of(source)) and not self._journal.is_handled(source, version)
        }
        return [(routes[source], fresh[source]) for source in self._arrivals.complete(fresh)]

    def _wakes(self, stop: threading.Event | None) -> Iterator[None]:
        """Whenever it is worth to list the folder; at once to begin with."""
        with needs("watch", "mirnet watch"):
            import watchfiles

        def concerns(_: watchfiles.Change, path: str) -> bool:
            # our own results would wake us; names that begin with a dot are never pictures
            return not Path(path).name.startswith(".") and not Path(path).is_relative_to(inside)

        inside = self._output.resolve()
        changes = watchfiles.watch(
            self._folder.resolve(),
            watch_filter=concerns,
            recursive=self._recursive,
            debounce=200,
            rust_timeout=int(1000 * GLANCE),
            yield_on_timeout=True,
            stop_event=stop,
            ignore_permission_denied=True,
        )
        listed = -RESCAN
        has_changed = True
        try:
            # the first event is of the time after the folder is watched: list it then
            for change in changes:
                now = time.monotonic()
                has_changed |= bool(change)
                pause = GLANCE if has_changed or self._arrivals.are_waiting else RESCAN
                if now - listed >= pause:
                    has_changed = False
                    listed = now
                    yield
        except (RuntimeError, OSError) as error:  # such as the limit of inotify
            raise MirnetError(
                f"{self._folder} cannot be watched: {error}; set WATCHFILES_FORCE_POLLING=true to "
                "have it listed in turns instead"
            ) from None


@contextmanager
def opened(
    folder: Path,
    output: Path,
    *,
    recursive: bool = False,
    format: str | None = None,
    settle: float = 2.0,
) -> Iterator[Watch]:
    """Watch a folder, as the only one that writes to its output folder; see `Watch`.

    Raises:
        ImageError: if there is no such folder or format, or the results cannot go there.
        MirnetError: if another process writes there.
        OSError: if the output folder cannot be made, or the journal not be read.
        RuntimeMissingError: if watchfiles is not installed.
    """
    with needs("watch", "mirnet watch"):
        import watchfiles  # noqa: F401
    _check(folder, output, recursive, format)
    folder, output = folder.absolute(), output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    try:
        with locks.holding(output / LOCK):
            journal = Journal(output / JOURNAL)
            yield Watch(folder, output, journal, recursive=recursive, format=format, settle=settle)
    except locks.HeldError:
        raise MirnetError(
            f"another mirnet watch writes to {output}: stop it, or choose another output"
        ) from None


def _check(folder: Path, output: Path, recursive: bool, format: str | None) -> None:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise ImageError(f"{folder} {what}: give a folder to watch")
    if output.exists() and not output.is_dir():
        raise ImageError(f"{output} is a file: give a folder for the results")
    if format:
        codec.check_format(format, codec.FORMATS)
    watched, results = folder.resolve(), output.resolve()
    if watched == results:
        raise ImageError(
            f"{output} is the watched folder: choose another one, so that results are not "
            "restored again"
        )
    if recursive and watched.is_relative_to(results):
        raise ImageError(
            f"{output} holds the watched folder: with --recursive, results would arrive in it"
        )


def _clash(route: Route, maker: Path | None) -> FileResult:
    return FileResult(
        route.source,
        route.target,
        "failed",
        error=f"{shown(route.source)}: its result would replace that of {maker}: rename one",
    )
