"""Under what circumstances something was measured: machine and versions."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mirnet import cores

PACKAGES = (
    *("mirnet", "numpy", "pyvips", "MNN", "onnxruntime", "torch"),
    *("opencv-python-headless", "bm3d"),
)
"""Whose versions can change figures or times, where they are installed."""


def machine() -> dict[str, str]:
    """What the machine is, in words."""
    return {
        "processor": _processor(),
        "cores": str(cores.available()),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Versions of the installed ones of `PACKAGES`."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """Its name; Python knows it on few systems."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
