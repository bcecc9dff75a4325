"""What every use of libvips takes: one clear line for a failure, and nothing left in its cache.

libvips runs in many threads at once, but has one buffer for what all of them say of their failures.
So `attempt` knows who else is at work, and looks again at a failure that others may have talked
into, with nobody else there.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pyvips

from mirnet.errors import ImageError

T = TypeVar("T")

LONGEST = 300
"""Characters of a reason: libvips may report hundreds of lines for one broken file."""


UNKNOWN = "VipsForeignLoad: source is not in a known format"
"""What libvips says of a file that is no picture."""


def shown(path: Path | str) -> str:
    """The path as one printable line, whatever bytes are in the name."""
    name = str(path)
    return name if name.isprintable() else repr(name)


@contextmanager
def as_image_error(name: str, failed: str) -> Iterator[None]:
    """Turn what libvips and the file system raise into "NAME `failed`: reason".

    Only inside `attempt` is the reason that libvips gives sure to be that of this file.

    Raises:
        ImageError: in the place of `pyvips.Error` and `OSError`.
    """
    try:
        yield
    except pyvips.Error as error:
        raise ImageError(f"{name} {failed}: {_reason(error)}") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ImageError(f"{name} {failed}: {reason}") from error


def attempt(
    work: Callable[[], T],
    name: str,
    failed: str,
    *,
    again: Callable[[], T] | None = None,
) -> T:
    """Do what calls libvips; several threads may.

    Args:
        work: what to do. It starts no `attempt` of its own.
        name: of the file that it is about.
        failed: what is said of the file if libvips fails.
        again: what is done after a failure while other threads used libvips: alone, so that the
            reason is its own, or with success after all; `work` by default.

    Raises:
        ImageError: as `as_image_error` does.
    """
    try:
        with _users.together() as use, as_image_error(name, failed):
            return work()
    except ImageError as error:
        if use.was_alone or not isinstance(error.__cause__, pyvips.Error):
            raise
    with _users.alone(), as_image_error(name, failed):
        return (again or work)()


class _Use:
    """One call of `attempt`."""

    was_alone = True


class _Users:
    """Who uses libvips at this moment: many together, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._uses: set[_Use] = set()
        self._waiting = 0

    @contextmanager
    def together(self) -> Iterator[_Use]:
        """Among others; who waits to be alone comes first."""
        use = _Use()
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting)
            self._add(use)
            if len(self._uses) > 1:
                for each in self._uses:
                    each.was_alone = False
        try:
            yield use
        finally:
            self._remove(use)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """With nobody else; several that want this get it one after the other."""
        use = _Use()
        with self._changed:
            self._waiting += 1
        try:
            with self._changed:
                self._changed.wait_for(lambda: not self._uses)
                self._add(use)
            yield
        finally:
            with self._changed:
                self._waiting -= 1
            self._remove(use)

    def _add(self, use: _Use) -> None:
        if not self._uses:
            pyvips.vips_lib.vips_error_clear()  # what earlier calls left is nobody's reason
        self._uses.add(use)

    def _remove(self, use: _Use) -> None:
        with self._changed:
            self._uses.discard(use)
            self._changed.notify_all()


_users = _Users()
_forgetting = threading.Lock()


def forget() -> None:
    """Let go of files and pixels that libvips keeps in case an operation is asked for again.

    Here none ever is. How much it keeps is left as it was, for others in this process.
    """
    with _forgetting:  # else one thread takes another's 0 for what it was
        most = pyvips.cache_get_max()
        pyvips.cache_set_max(0)
        pyvips.cache_set_max(most)


def _reason(error: pyvips.Error) -> str:
    """What libvips has to say beyond "unable to call"; the last lines are the most telling."""
    lines = [" ".join(line.split()) for line in f"{error.message}\n{error.detail}".splitlines()]
    # a seek beyond the end is how truncation shows, but libvips reports each single one
    told = [line for line in lines if line and not line.startswith("unable to ")]
    told = [line for line in told if ": bad seek to " not in line] or ["the data is damaged"]
    if UNKNOWN in told:
        return "it is not a picture, or not of a kind that mirnet knows"
    return "; ".join(dict.fromkeys(told))[:LONGEST]
