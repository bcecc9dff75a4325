"""Choose the fastest runtime and precision on this machine: measured once, then remembered.

No order holds everywhere: the fastest runtime depends on network, tile and processor. Results are
stored in the user's cache folder, by machine, model and versions; the file is safe to delete.
"""

import hashlib
import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from mirnet.models import identity
from mirnet.runtimes import remembered
from mirnet.system import cores, machine, subprocesses

log = logging.getLogger(__name__)

TIMED = ("openvino", "mnn", "onnx")
"""Runtimes that can be the fastest on a CPU; PyTorch and Paddle never were."""

START = "from mirnet.runtimes.timing import main; main()"
LONGEST = 120
"""Timeout of a measurement in seconds, for machines that are far too busy."""


@dataclass(frozen=True)
class Way:
    """A way to run a model."""

    runtime: str
    precision: str
    path: str
    """The file that the runtime reads."""

    def __str__(self) -> str:
        return self.runtime if self.precision == "f32" else f"{self.runtime} in {self.precision}"


def fastest(ways: Sequence[Way], threads: int | None) -> Way:
    """The fastest of several ways to run one model on this machine's CPU.

    They are timed in a separate process, so that neither their memory nor a crash affects this one.
    If that fails, the first way is taken.

    Args:
        ways: at least one, float32 among them; not timed if there is only one.
        threads: as `runtimes.open` takes it.
    """
    if len(ways) == 1 or not sys.executable:
        return ways[0]
    file = remembered.file("runtimes.json")
    known, key = remembered.read(file), _key(ways, threads)
    found = next((way for way in ways if known.get(key) == str(way)), None)
    if found:
        return found
    log.info("timing %s once to choose the fastest", ", ".join(map(str, ways)))
    place = _timed(ways, threads)
    if place is None:
        return ways[0]
    remembered.write(file, {**known, key: str(ways[place])})
    return ways[place]


def _key(ways: Sequence[Way], threads: int | None) -> str:
    """Key of machine, model and versions: any change leads to a new measurement."""
    # several ways may use the same file
    digests = {path: identity.digest(Path(path)) for path in {way.path for way in ways}}
    told = {
        "machine": machine.describe(),
        "versions": machine.versions(),
        "threads": threads or cores.threads(),
        "ways": [(str(way), digests[way.path]) for way in ways],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _timed(ways: Sequence[Way], threads: int | None) -> int | None:
    """Index of the fastest way; None if it could not be measured."""
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
