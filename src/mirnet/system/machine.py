"""What this machine is, and which versions are installed: to be kept with what is measured."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mirnet.system import cores

PACKAGES = (
    *("mirnet", "numpy", "pyvips", "MNN", "openvino", "onnxruntime", "torch", "paddlepaddle"),
    *("opencv-python-headless", "bm3d"),
)
"""Whose versions can change figures or times, where they are installed."""

INSTRUCTION_SETS = {
    "AVX2": {"avx2"},
    "AVX-512": {"avx512f"},
    "VNNI": {"avx_vnni", "avx512_vnni"},
    "AMX": {"amx_tile"},
    "NEON": {"neon", "asimd"},
}
"""Those that networks are computed with, and what Linux calls them."""


def describe() -> dict[str, str]:
    """This machine in words, for tables and records."""
    facts = _cpuinfo()
    return {
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "cores": str(cores.available()),
        "instruction sets": ", ".join(instruction_sets()) or "unknown",
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


def instruction_sets() -> list[str]:
    """Those of `INSTRUCTION_SETS` that this machine is known to have; outside of Linux few are."""
    return read_off(_cpuinfo(), platform.machine())


def read_off(facts: dict[str, str], architecture: str) -> list[str]:
    """Those of `INSTRUCTION_SETS` that a system's words tell of.

    Args:
        facts: what /proc/cpuinfo says of a processor, empty where there is none.
        architecture: as `platform.machine` says it.

    >>> read_off({"flags": "sse2 avx2 avx_vnni"}, "x86_64")
    ['AVX2', 'VNNI']
    """
    flags = set(f"{facts.get('flags', '')} {facts.get('Features', '')}".split())
    if architecture.lower() in ("aarch64", "arm64"):
        flags.add("asimd")  # all of them have it
    return [name for name, words in INSTRUCTION_SETS.items() if words & flags]


def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
