"""The most memory that this process has taken, in MB of 2^20 bytes."""

import sys
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Gpu:
    """What PyTorch took of one."""

    name: str
    peak_mb: float


def host_peak_mb() -> float | None:
    """Of the host; None where the system does not tell (on Windows psutil has to be installed)."""
    if STATUS.is_file():
        # getrusage would not do: there Linux begins with the peak of whoever started this process
        for line in STATUS.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name == "VmHWM":
                return int(value.split()[0]) / 1024
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


def _windows_peak_mb() -> float | None:
    try:
        import psutil
    except ModuleNotFoundError:
        return None
    peak: int | None = getattr(psutil.Process().memory_info(), "peak_wset", None)
    return peak / 2**20 if peak else None
