"""How many worker processes there are of each role, and what each may take."""

import os
import sys

from mirnet.serve.settings import RUNNING, Engine
from mirnet.serve.workers.pool import Plan
from mirnet.system import cores

FILE_TASKS, VIEW_TASKS = 4, 8
"""Tasks of one process that opens files, and of one that shows parts of pictures."""

GIGABYTE = 1 << 30

SHARE = 0.8
"""Share of the machine's memory that worker processes may take."""


def restoring(engine: Engine) -> Plan:
    """Processes that restore, each on its share of the cores."""
    count = engine.processes
    every = _groups(count)
    options = {
        "role": "restore",
        "model": engine.model,
        "device": engine.device,
        "runtime": engine.runtime,
        "precision": engine.precision,
        "threads": engine.threads,
        "tile": engine.tile,
        "overlap": engine.overlap,
        "memory": int(engine.memory_gigabytes * GIGABYTE)
        if engine.memory_gigabytes
        else round(SHARE * _memory() / count),
    }
    return Plan(
        "restore",
        tuple({**options, "cores": every[place]} for place in range(count)),
        tasks=RUNNING + 2,
        recycle_tasks=engine.recycle_jobs,
        recycle_bytes=engine.recycle_megabytes << 20,
    )


def _groups(count: int) -> list[list[int] | None]:
    """The cores of each process; None for all of them."""
    allowed = getattr(os, "sched_getaffinity", None)
    if count == 1 or allowed is None or cores.available() < count:
        return [None] * count
    every = sorted(allowed(0))
    share = len(every) // count
    return [every[place * share : (place + 1) * share] for place in range(count)]


def _memory() -> int:
    """Bytes of memory of this machine; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def files(megapixels: float) -> Plan:
    """Processes that open and write files of up to so many megapixels."""
    # LibRaw takes about 20 bytes a pixel; several files are open at a time
    memory = min(GIGABYTE + int(megapixels * 1e6 * 24), round(SHARE * _memory()) or sys.maxsize)
    options = {"role": "file", "memory": memory}
    return Plan("file", (options,) * 2, FILE_TASKS, recycle_tasks=1000, recycle_bytes=GIGABYTE)


def views() -> Plan:
    """The process that shows parts of pictures."""
    options = {"role": "view", "memory": 4 * GIGABYTE}
    return Plan("view", (options,), VIEW_TASKS, recycle_tasks=20000, recycle_bytes=GIGABYTE)
