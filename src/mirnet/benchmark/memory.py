"""The most memory that this process has taken, and those it started, in MB of 2^20 bytes."""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Gpu:
    """What PyTorch took of one."""

    name: str
    peak_mb: float


def host_peak_mb() -> float | None:
    """Of the host; None where the system does not tell (on Windows psutil has to be installed)."""
    own = _linux_peak_kb(os.getpid())
    if own is not None:
        # MNN has a process a core; what they share with this one counts again
        return sum((_linux_peak_kb(child) or 0 for child in _linux_children()), own) / 1024
    try:
        import resource
    except ModuleNotFoundError:
        return _windows_peak_mb()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)  # bytes there, else kB


def gpu() -> Gpu | None:
    """What PyTorch took of a CUDA device, if it uses one; other libraries do not tell."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return Gpu(torch.cuda.get_device_name(), torch.cuda.max_memory_allocated() / 2**20)


def _linux_peak_kb(pid: int) -> int | None:
    """None where there is no such process, or no Linux."""
    # getrusage would not do: it begins with the peak of whoever started this process
    status = PROCESSES / str(pid) / "status"
    with suppress(OSError):
        for line in status.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name == "VmHWM":
                return int(value.split()[0])
    return None


def _linux_children() -> list[int]:
    """Processes that this one started and that still run."""
    with suppress(OSError):
        lists = (PROCESSES / "self" / "task").glob("*/children")
        return [int(pid) for each in lists for pid in each.read_text().split()]
    return []


def _windows_peak_mb() -> float | None:
    try:
        import psutil
    except ModuleNotFoundError:
        return None
    peak: int | None = getattr(psutil.Process().memory_info(), "peak_wset", None)
    return peak / 2**20 if peak else None
