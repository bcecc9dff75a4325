"""How many processor cores there are to use."""

import os


def available() -> int:
    """Those that this process may use, which on a shared machine are not all."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(allowed(0)) if allowed else os.cpu_count() or 1
