"""Number of processor cores to use."""

import os


def available() -> int:
    """Number of cores that this process may use; on a shared machine not all of them."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def threads() -> int:
    """Number of threads to compute with: OMP_NUM_THREADS, if it is set, else all cores.

    >>> threads() >= 1
    True
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else available()
