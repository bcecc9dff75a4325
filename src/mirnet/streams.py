"""Standard output is for results: what else is printed there goes elsewhere."""

import os
import sys


def keep_stdout_for_results() -> None:
    """Libraries in C print on descriptor 1, past Python: from now on that is standard error."""
    try:
        results = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # one of them is closed
        return
    encoding = sys.stdout.encoding
    # a name that the terminal cannot show is no reason to stop
    sys.stdout = os.fdopen(results, "w", encoding=encoding, errors="backslashreplace")
