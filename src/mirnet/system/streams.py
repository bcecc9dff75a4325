"""Standard output is reserved for results: everything else printed there is redirected."""

import os
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path

STDOUT = frozenset(map(Path, ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")))
"""Names of standard output, whose descriptor is no longer 1 once it is reserved."""


def take_stdout() -> int:
    """Redirect descriptor 1 to standard error; returns a descriptor of the original output.

    Raises:
        OSError: if one of them is closed.
    """
    results = os.dup(1)
    os.dup2(2, 1)
    return results


def open_closed() -> None:
    """Open the standard streams that the starter of this process closed, on nothing.

    Otherwise the next file to be opened would have their descriptor, and take what is printed.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest descriptor, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115 - stays open


def keep_stdout_for_results() -> None:
    """Redirect descriptor 1, to which C libraries print, bypassing Python, to standard error."""
    open_closed()
    encoding = sys.stdout.encoding
    # a name that the terminal cannot display should not stop the program
    sys.stdout = os.fdopen(take_stdout(), "w", encoding=encoding, errors="backslashreplace")


def finish_results() -> None:
    """Write out what is buffered for standard output.

    Raises:
        OSError: if it takes no more, as on a full disk; what is left then is given up, or Python
            would try again at exit.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
        with suppress(OSError):
            sys.stdout.flush()
        raise OSError(error.errno, error.strerror, "standard output") from error


def is_stdout(path: Path) -> bool:
    """Whether this is a name of standard output."""
    return path in STDOUT


def open_stdout() -> FileIO:
    """Standard output as a raw stream, at the place that was reached.

    Raises:
        OSError: if it takes no more.
    """
    sys.stdout.flush()
    return os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
