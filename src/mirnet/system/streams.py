"""Standard output is reserved for results: everything else printed there is redirected."""

import os
import sys


def take_stdout() -> int:
    """Redirect descriptor 1 to standard error; returns a descriptor of the original output.

    Raises:
        OSError: if one of them is closed.
    """
    results = os.dup(1)
    os.dup2(2, 1)
    return results


def keep_stdout_for_results() -> None:
    """Redirect descriptor 1, to which C libraries print, bypassing Python, to standard error."""
    try:
        results = take_stdout()
    except OSError:
        return
    encoding = sys.stdout.encoding
    # a name that the terminal cannot display should not stop the program
    sys.stdout = os.fdopen(results, "w", encoding=encoding, errors="backslashreplace")
