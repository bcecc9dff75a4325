"""How many processor cores there are to use."""

import os


def available() -> int:
    """Those that this process may use, which on a shared machine are not all."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def threads() -> int:
    """How many threads to compute with: what OMP_NUM_THREADS says, as for other programs, or all.

    >>> threads() >= 1
    True
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else available()
