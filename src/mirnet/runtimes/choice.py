"""Which runtime is fastest here, and in which precision: measured once, then remembered.

No order holds everywhere: runtimes lead each other by network, tile and processor. What was found
lies in a file in the user's cache folder, by machine, model and versions; it is safe to delete.
"""

import contextlib
import hashlib
import json
import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import platformdirs

from mirnet.models import identity
from mirnet.system import cores, machine, subprocesses
from mirnet.system.files import replacing

log = logging.getLogger(__name__)

TIMED = ("openvino", "mnn", "onnx")
"""Runtimes that may be the fastest on a CPU; PyTorch and Paddle never were."""

START = "from mirnet.runtimes.timing import main; main()"
LONGEST = 120
"""Seconds until a measurement is given up, as on a machine that is far too busy."""


@dataclass(frozen=True)
class Way:
    """How a model may be run."""

    runtime: str
    precision: str
    path: str
    """The file that the runtime reads."""

    def __str__(self) -> str:
        return self.runtime if self.precision == "f32" else f"{self.runtime} in {self.precision}"


def fastest(ways: Sequence[Way], threads: int | None) -> Way:
    """The fastest of several ways to run one model on this machine's CPU.

    They are timed in a process of their own, so that neither their memory nor a crash is left in
    this one. Where that fails, the first is taken.

    Args:
        ways: at least one, float32 among them; not timed if it is the only one.
        threads: as `runtimes.open` takes it.
    """
    if len(ways) == 1 or not sys.executable:
        return ways[0]
    file = platformdirs.user_cache_path("mirnet", appauthor=False) / "runtimes.json"
    known, key = _remembered(file), _key(ways, threads)
    found = next((way for way in ways if known.get(key) == str(way)), None)
    if found:
        return found
    log.info("timing %s, this once, to choose the fastest", ", ".join(map(str, ways)))
    place = _timed(ways, threads)
    if place is None:
        return ways[0]
    _remember(file, {**known, key: str(ways[place])})
    return ways[place]


def _key(ways: Sequence[Way], threads: int | None) -> str:
    """Of machine, model and versions: with any other, all is measured anew."""
    # several ways may read one file
    digests = {path: identity.digest(Path(path)) for path in {way.path for way in ways}}
    told = {
        "machine": machine.describe(),
        "versions": machine.versions(),
        "threads": threads or cores.threads(),
        "ways": [(str(way), digests[way.path]) for way in ways],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _timed(ways: Sequence[Way], threads: int | None) -> int | None:
    """The place of the fastest one among them; None if that could not be measured."""
    task = json.dumps({"ways": [astuple(way) for way in ways], "threads": threads})
    process = subprocesses.start(["-c", START], stderr=subprocess.DEVNULL)
    try:
        answer, _ = process.communicate(task.encode(), timeout=LONGEST)
        place = json.loads(answer)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    finally:
        subprocesses.end(process)
    return place if isinstance(place, int) and 0 <= place < len(ways) else None


def _remembered(file: Path) -> dict[str, object]:
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(file: Path, known: Mapping[str, object]) -> None:
    with contextlib.suppress(OSError):  # then the next call measures again
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as part:
            part.write_text(json.dumps(known, indent=1), encoding="utf-8")
