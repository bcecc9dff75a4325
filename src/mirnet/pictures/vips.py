"""Shared handling of libvips: one-line errors, and nothing left in its cache.

libvips runs in many threads at once, but has a single error buffer for all of them. `attempt`
therefore tracks concurrent users, and repeats a failed call alone if others may have written into
its error.
"""

import itertools
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
"""Maximum characters of a reason: libvips may report hundreds of lines for one broken file."""


def shown(path: Path | str) -> str:
    """The path as one printable line, whatever bytes its name contains."""
    name = str(path)
    return name if name.isprintable() else repr(name)


def fields(image: pyvips.Image) -> list[str]:
    """Names of an image's metadata; of those that are not UTF-8, bytes are spelt out.

    pyvips' own `get_fields` fails as soon as one is not, as keywords of PNG in Latin-1.
    """
    names, array = [], pyvips.vips_lib.vips_image_get_fields(image.pointer)
    for at in itertools.count():
        if array[at] == pyvips.ffi.NULL:
            break
        names.append(pyvips.ffi.string(array[at]).decode(errors="backslashreplace"))
        pyvips.glib_lib.g_free(array[at])
    pyvips.glib_lib.g_free(array)
    return names


def text(image: pyvips.Image, name: str) -> str | None:
    """A text of an image's metadata; None if it or its name is not UTF-8."""
    try:
        value = image.get(name)
    except (pyvips.Error, UnicodeDecodeError):
        return None
    return value if isinstance(value, str) else None


@contextmanager
def as_image_error(name: str, failed: str) -> Iterator[None]:
    """Turn errors of libvips and the file system into "NAME `failed`: reason".

    Only inside `attempt` is the reason from libvips certain to be about this file.

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
    """Run work that calls libvips; several threads may do so at the same time.

    Args:
        work: what to run. It must not call `attempt` itself.
        name: name of the file concerned.
        failed: what the message says about the file if libvips fails.
        again: what to run after a failure while other threads used libvips: alone, so that the
            reason is about this file, or it succeeds after all; `work` by default.

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
    """The current users of libvips: many together, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._uses: set[_Use] = set()
        self._waiting = 0

    @contextmanager
    def together(self) -> Iterator[_Use]:
        """Use libvips among others; threads that wait to be alone come first."""
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
        """Use libvips alone; several threads that want this take turns."""
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
            pyvips.vips_lib.vips_error_clear()  # remove errors of earlier calls
        self._uses.add(use)

    def _remove(self, use: _Use) -> None:
        with self._changed:
            self._uses.discard(use)
            self._changed.notify_all()


_users = _Users()
_forgetting = threading.Lock()


def forget() -> None:
    """Release files and pixels that libvips caches in case an operation is repeated.

    Here none ever is. The cache limit is left unchanged, for other users in this process.
    """
    with _forgetting:  # otherwise a thread could save another's temporary 0 as the limit
        most = pyvips.cache_get_max()
        pyvips.cache_set_max(0)
        pyvips.cache_set_max(most)


def _reason(error: pyvips.Error) -> str:
    """What libvips reports beyond "unable to call"; the last lines are the most specific."""
    lines = [" ".join(line.split()) for line in f"{error.message}\n{error.detail}".splitlines()]
    # truncation shows as a seek beyond the end, but libvips reports every single one
    told = [line for line in lines if line and not line.startswith("unable to ")]
    told = [line for line in told if ": bad seek to " not in line] or ["the data is damaged"]
    return "; ".join(dict.fromkeys(told))[:LONGEST]
