"""Description of this machine and of installed versions, recorded with measurements."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mirnet.system import cores

PACKAGES = (
    *("mirnet", "numpy", "pyvips", "MNN", "openvino", "onnxruntime", "torch", "paddlepaddle"),
    *("opencv-python-headless", "bm3d"),
)
"""Packages whose versions can change figures or times, if they are installed."""

INSTRUCTION_SETS = {
    "AVX2": {"avx2"},
    "AVX-512": {"avx512f"},
    "VNNI": {"avx_vnni", "avx512_vnni"},
    "AMX": {"amx_tile"},
    "NEON": {"neon", "asimd"},
}
"""Instruction sets used by networks, and Linux's names for them."""


def describe() -> dict[str, str]:
    """Description of this machine, for tables and records."""
    facts = _cpuinfo()
    return {
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "cores": str(cores.available()),
        "instruction sets": ", ".join(instruction_sets()) or "unknown",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Versions of the packages in `PACKAGES` that are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def instruction_sets() -> list[str]:
    """The `INSTRUCTION_SETS` that this machine is known to have; few are known outside Linux."""
    return read_off(_cpuinfo(), platform.machine())


def read_off(facts: dict[str, str], architecture: str) -> list[str]:
    """The `INSTRUCTION_SETS` found in a system's description of a processor.

    Args:
        facts: fields of /proc/cpuinfo for a processor, empty if there is none.
        architecture: value of `platform.machine`.

    >>> read_off({"flags": "sse2 avx2 avx_vnni"}, "x86_64")
    ['AVX2', 'VNNI']
    """
    flags = set(f"{facts.get('flags', '')} {facts.get('Features', '')}".split())
    if architecture.lower() in ("aarch64", "arm64"):
        flags.add("asimd")  # present on all of them
    return [name for name, words in INSTRUCTION_SETS.items() if words & flags]


def _cpuinfo() -> dict[str, str]:
    """Linux's description of the first processor."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
