"""Peak memory of this process and its children, in MB of 2^20 bytes."""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Gpu:
    """A GPU, and the memory that PyTorch used on it."""

    name: str
    peak_mb: float


def host_peak_mb() -> float | None:
    """Peak host memory; None if the system does not report it (on Windows this needs psutil)."""
    own = _linux_peak_kb(os.getpid())
    if own is not None:
        # MNN has a process per core; memory they share with this one is counted again
        return sum((_linux_peak_kb(child) or 0 for child in _linux_children()), own) / 1024
    try:
        import resource
    except ModuleNotFoundError:
        return _windows_peak_mb()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)  # bytes there, else kB


def gpu() -> Gpu | None:
    """Memory that PyTorch used on a CUDA device, if any; other libraries do not report it."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return Gpu(torch.cuda.get_device_name(), torch.cuda.max_memory_allocated() / 2**20)


def _linux_peak_kb(pid: int) -> int | None:
    """None if there is no such process, or the system is not Linux."""
    # not getrusage: it starts with the peak of the process that started this one
    status = PROCESSES / str(pid) / "status"
    with suppress(OSError):
        for line in status.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name == "VmHWM":
                return int(value.split()[0])
    return None


def _linux_children() -> list[int]:
    """Child processes of this one that are still running."""
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
