"""Run a command and say what it took, with all processes that it starts."""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

INTERVAL = 0.25
"""Seconds between two looks at the memory. Each one goes through all processes of the machine, and
takes time from what is measured: every 20 ms, 5 per cent of a restoration by two threads."""


@dataclass(frozen=True)
class Cost:
    """Of one process and those below it."""

    seconds: float
    peak_mb: float
    """Largest sum of their resident memory, in 2^20 bytes; pages that they share count twice."""


def run(command: Sequence[str]) -> Cost:
    """Wait for a command; its output is dropped.

    Raises:
        subprocess.CalledProcessError: if it fails.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        top = psutil.Process(process.pid)
        peak = 0
        while process.poll() is None:
            peak = max(peak, resident(top))
            time.sleep(INTERVAL)
        seconds = time.perf_counter() - started
        assert process.stderr is not None
        message = process.stderr.read()
    if process.returncode:
        sys.stderr.write(message.decode(errors="replace"))
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(seconds, peak / 2**20)


def resident(top: psutil.Process) -> int:
    """Bytes, of a process and those below it; none that has just ended."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        for each in (top, *top.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
    return total
