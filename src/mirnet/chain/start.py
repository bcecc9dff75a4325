"""From a setting to a chain that has run: its folder, its parts, its record."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from mirnet.chain import folder, links, record
from mirnet.chain.parts import Part, Result, Status
from mirnet.chain.run import run
from mirnet.chain.setting import Setting


@runtime_checkable
class Observer(Protocol):
    """Who is told how it goes."""

    def begin(self, part: Part) -> None:
        """A part is about to be done."""

    def tell(self, facts: str) -> None:
        """How far the part is, in a few words."""

    def end(self, result: Result) -> None:
        """A part was done, or skipped."""


def chain(setting: Setting, observer: Observer, *, keep: bool = False) -> Sequence[Result]:
    """Do all parts; the record in the folder is written anew after each.

    Args:
        setting: what to do.
        observer: is told how it goes.
        keep: whether what a lite chain made stays though it passed.

    Returns:
        What became of the parts, one that fails among them.

    Raises:
        DataError: as `folder.claim` does.
        OSError: if folder or disk do not take record or log.
        KeyboardInterrupt: after an interruption, which the record tells of.
    """
    folder.claim(setting.folder)
    results: list[Result] = []
    status = Status.INTERRUPTED
    try:
        with folder.logging_into(setting.folder):
            _write(setting, results, Status.RUNNING)
            for result in run(links.parts(setting, observer.tell), observer.begin):
                results.append(result)
                _write(setting, results, Status.RUNNING)
                observer.end(result)
        status = record.status(results)
    finally:
        _write(setting, results, status)
    if status == Status.PASSED and setting.mode == "lite" and not keep:
        folder.tidy(setting.folder)
    return results


def _write(setting: Setting, results: Sequence[Result], status: Status) -> None:
    record.write(record.record(setting, results, status), setting.folder)
