"""A process that times several ways to run one model, in turns, and returns the fastest.

It reads a task in JSON from standard input, `{"ways": [[runtime, precision, path], ...], "threads":
N}`, and writes the index of the fastest way to standard output. A lower precision than float32 is
considered only if its result agrees with float32 and it is clearly faster.
"""

import contextlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from mirnet import runtimes
from mirnet.errors import MirnetError
from mirnet.restoration.restorer import default_tile
from mirnet.restoration.runtime import Runtime
from mirnet.runtimes import trial
from mirnet.runtimes.choice import Way
from mirnet.shapes import Batch
from mirnet.system import streams

LARGEST = 384
"""Side of the tiles, where the model's own are larger. The order depends on the tile: for `denoise`
on an AMD EPYC with two cores, MNN led at 256, OpenVINO in bfloat16 by a third at 384 and by nearly
one half at 640, its own tile, which would take too long here."""
ROUNDS = 3
"""Rounds of timing; the best one counts, since other work on the machine only adds time."""
HOPELESS = 1.5
"""A way that takes this many times as long as the fastest is not timed again."""
TOLERANCE = 0.016
"""Largest difference to float32 in 0..1, four levels of 8 bits. In bfloat16 the bundled models
differ by about two levels at most."""
WORTH = 0.95
"""A lower precision must take less than this fraction of float32's time."""


def main() -> None:
    """Run the task given on standard input."""
    streams.keep_stdout_for_results()
    task = json.load(sys.stdin)
    ways = [Way(*each) for each in task["ways"]]
    with contextlib.ExitStack() as stack:
        opened: dict[Way, Runtime] = {}
        for way in ways:
            with contextlib.suppress(MirnetError, ImportError):  # ways that fail are not chosen
                opened[way] = stack.enter_context(contextlib.closing(_load(way, task["threads"])))
        results, seconds = _run(opened)
        best = choose(results, seconds)
    print(json.dumps(best and ways.index(best)), flush=True)  # noqa: T201 - the answer


def _load(way: Way, threads: int | None) -> Runtime:
    return runtimes.KINDS[way.runtime].load(Path(way.path), "cpu", threads, way.precision)


def _run(opened: Mapping[Way, Runtime]) -> tuple[dict[Way, Batch], dict[Way, float]]:
    """The result of each way for a tile, and its best time in seconds; failed ways have neither."""
    results: dict[Way, Batch] = {}
    for way, runtime in opened.items():
        with contextlib.suppress(MirnetError):
            # the first run is slower, and not timed
            results[way] = runtime(_tile(runtime))
    best = {way: _time(opened[way]) for way in results}
    for _ in range(ROUNDS - 1):
        limit = HOPELESS * min(best.values(), default=0.0)
        for way in [way for way in best if best[way] <= limit]:
            best[way] = min(best[way], _time(opened[way]))
    return results, best


def choose(results: Mapping[Way, Batch], seconds: Mapping[Way, float]) -> Way | None:
    """The fastest way whose result can be trusted; None if there is none in float32."""
    exact: Sequence[Way] = [way for way in seconds if way.precision == "f32"]
    if not exact:
        return None
    best = standard = min(exact, key=seconds.__getitem__)
    for way in seconds.keys() - exact:
        agrees = np.abs(results[way] - results[standard]).max() <= TOLERANCE
        if agrees and seconds[way] < min(WORTH * seconds[standard], seconds[best]):
            best = way
    return best


def _tile(runtime: Runtime) -> Batch:
    """A tile as large as those of pictures, or `LARGEST`."""
    return trial.tile(runtime.facts, min(default_tile(runtime.facts), LARGEST))


def _time(runtime: Runtime) -> float:
    """Seconds per tile, with as many in parallel as the runtime has lanes."""
    tile = _tile(runtime)
    lanes = runtime.facts.lanes
    began = time.perf_counter()
    if lanes == 1:
        runtime(tile)
    else:
        with ThreadPoolExecutor(lanes) as pool:
            list(pool.map(runtime, [tile] * lanes))
    return (time.perf_counter() - began) / lanes
