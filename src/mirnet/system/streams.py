"""Standard output is for results: what else is printed there goes elsewhere."""

import os
import sys


def take_stdout() -> int:
    """A descriptor of what was standard output; from now on 1 is standard error.

    Raises:
        OSError: if one of them is closed.
    """
    results = os.dup(1)
    os.dup2(2, 1)
    return results


def keep_stdout_for_results() -> None:
    """Libraries in C print on descriptor 1, past Python: from now on that is standard error."""
    try:
        results = take_stdout()
    except OSError:
        return
    encoding = sys.stdout.encoding
    # a name that the terminal cannot show is no reason to stop
    sys.stdout = os.fdopen(results, "w", encoding=encoding, errors="backslashreplace")
