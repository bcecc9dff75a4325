"""Memory of the machine and of this process, and a limit on it."""

import os
import sys
from contextlib import suppress
from pathlib import Path

CONTAINER = Path("/sys/fs/cgroup/memory.max")
"""Limit of the container that this process runs in, if any; Linux only."""


def installed() -> int | None:
    """Bytes that this machine has, or lets this container have; None where nothing tells."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
    with suppress(OSError, ValueError):  # no container, or "max"
        found = min(found, int(CONTAINER.read_text()))
    return found if found > 0 else None


def limit(most: int | None) -> None:
    """Let this process take this many bytes beyond what Python and its libraries have now.

    Only Linux has such a limit; None or 0 sets none.
    """
    if not most or sys.platform != "linux":
        return
    import resource

    # data, not address space: files that are mapped into memory take none
    used = _data_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (used + most, used + most))


def die_first() -> None:
    """Let the system, when memory runs out, end this process before its parent. Linux only."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _data_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0
