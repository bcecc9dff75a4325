"""A model file of others is tried on one tile, in a process of its own, before it is used.

Such a file can crash its runtime, take all memory or never end; all that is then lost is a process.
What passed is remembered by content and versions, and not tried again.
"""

import glob
import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from mirnet.errors import WeightsError
from mirnet.models import catalog, identity
from mirnet.models.facts import Facts
from mirnet.restoration import tiles
from mirnet.runtimes import remembered
from mirnet.shapes import Batch, Result
from mirnet.system import machine, subprocesses

START = "from mirnet.runtimes.trial_worker import main; main()"
LONGEST = 60
"""Seconds that a trial may take, loading included; a sound model takes one or two."""
MOST_GIB = 8
"""Address space of the process in GiB, where the system limits it."""
SIDE = 64
"""Side of the tile, or the model's own multiple or size."""
SMALLEST_RANGE = 1e-6
"""A result with a smaller range than this is constant."""


def check(runtime: str, path: Path) -> None:
    """Try a model on a tile, unless it is ours or has passed before.

    Args:
        runtime: its name in `runtimes.KINDS`.
        path: the file that this runtime reads.

    Raises:
        WeightsError: if the file is no model for this runtime, or its result is unusable; one line
            with the reason.
    """
    # without a Python executable, as when embedded in other programs, there are no processes
    if not sys.executable or catalog.is_ours(path):
        return
    file, key = remembered.file("trials.json"), _key(runtime, path)
    known = remembered.read(file)
    if key in known:
        return
    reason = _tried(runtime, path)
    if reason:
        raise WeightsError(reason)
    remembered.write(file, {**known, key: path.name})


def tile(facts: Facts, side: int = SIDE) -> Batch:
    """A gradient with noise, 1 c h w, as a typical input; of the model's size if it has one."""
    side = tiles.round_up(side, facts.multiple)
    height, width = facts.size or (side, side)
    light = np.linspace(0.05, 0.9, width) * np.linspace(0.3, 1, height)[:, None]
    noise = np.random.default_rng(0).normal(0, 0.04, (facts.in_channels, height, width))
    return np.clip(light + noise, 0, 1)[None].astype(np.float32)


def fault(given: Batch, result: Result, facts: Facts) -> str:
    """What makes a result unusable, as a clause with "it"; empty if nothing does.

    >>> black = np.zeros((1, 3, 64, 64), np.float32)
    >>> fault(black, black, Facts())
    'gives the same value for every pixel'
    """
    count, _, height, width = given.shape
    expected = count, facts.out_channels, height * facts.scale, width * facts.scale
    if result.shape != expected:
        return f"makes {_sides(result)} of {_sides(given)}, where {_sides(expected)} is expected"
    if not np.isfinite(result).all():
        return "gives values that are not finite (NaN or infinite)"
    if np.ptp(result) < SMALLEST_RANGE:
        return "gives the same value for every pixel"
    return ""


def _sides(of: Batch | Result | tuple[int, ...]) -> str:
    return "x".join(map(str, of if isinstance(of, tuple) else of.shape))


def _tried(runtime: str, path: Path) -> str:
    """Why the model is refused; empty if it is not."""
    process = subprocesses.start(["-c", START, runtime, str(path)], stderr=subprocess.DEVNULL)
    refused = f"{path} is refused after a trial with {runtime}: it"
    try:
        answer, _ = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return f"{refused} takes longer than {LONGEST} s for one tile of {SIDE} pixels a side"
    finally:
        subprocesses.end(process)
    try:
        told = json.loads(answer)
    except ValueError:  # it ended without an answer
        return f"{refused} crashes ({_ending(process.returncode)})"
    if "refusal" in told:  # the runtime's own, which names the file
        return str(told["refusal"])
    return f"{refused} {told['fault']}" if told["fault"] else ""


def _ending(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def _key(runtime: str, path: Path) -> str:
    """Key of runtime, versions and content, that of files which belong to it included."""
    beside = sorted(path.parent.glob(f"{glob.escape(path.stem)}.*"))
    told = {
        "runtime": runtime,
        "versions": machine.versions(),
        "files": [(each.suffix, identity.digest(each)) for each in beside if each.is_file()],
        "model": identity.digest(path),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
