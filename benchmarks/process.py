"""Run a command and say what it took, as the operating system counts it."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Of one process."""

    seconds: float
    peak_mb: float
    """Largest resident memory, in 2^20 bytes."""


def run(command: Sequence[str]) -> Cost:
    """Wait for a command; its output is dropped.

    Raises:
        subprocess.CalledProcessError: if it fails.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.stderr.write(message.decode(errors="replace"))
        raise subprocess.CalledProcessError(status, command)
    return Cost(seconds, usage.ru_maxrss / 1024)
