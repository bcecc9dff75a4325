"""MNN: the fastest runtime on CPUs (Winograd convolutions), 25 MB installed."""

import queue
import sys
from pathlib import Path

from mirnet.errors import InferenceError
from mirnet.models.facts import Facts
from mirnet.runtimes.mnn_module import MnnModule
from mirnet.runtimes.mnn_worker import Worker
from mirnet.shapes import Batch, Result
from mirnet.system import cores, memory

MOST_LANES = 16
"""Maximum number of workers."""
LANE = 700 << 20
"""Bytes that one takes at most, with the default model and its tiles of 640 pixels; with
`denoise-tiny` it is a half of that, with `denoise-print` a quarter."""


class MnnRuntime:
    """A `.mnn` file in float32 on the CPU: pictures in parallel, each on one core.

    With one thread, it runs in this process; with more, in as many worker processes. So no core
    waits for another one, and other programs that use one core do not delay all of them.

    Args:
        path: as written by `mirnet export --format mnn`: input `noisy`, output `restored`.
        threads: cores to use, at most `MOST_LANES`; by default all of them, but no more than fill
            half of the memory.

    Raises:
        WeightsError: if the file is no such model.
        InferenceError: if a worker cannot be started.
    """

    name = "mnn"

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self._path = path
        # without a Python executable, as when embedded in other programs, there are no workers
        lanes = min(threads or _most(), MOST_LANES) if sys.executable else 1
        self._free: queue.SimpleQueue[MnnModule | Worker] = queue.SimpleQueue()
        self._workers: list[Worker] = []
        self._is_closed = False
        if lanes == 1:
            module = MnnModule(path)
            statement = module.statement
            self._free.put(module)
        else:
            try:
                for _ in range(lanes):
                    self._start()
                statement = self._workers[0].ready()  # a file fails to load in one or in all
            except BaseException:
                self.close()
                raise
        self.facts = Facts.of(statement, lanes=lanes)

    def __call__(self, batch: Batch) -> Result:
        if self._is_closed:
            raise InferenceError("this runtime was closed")
        module = self._free.get()
        try:
            return module(batch)
        finally:
            if isinstance(module, Worker) and not module.is_alive:
                self._workers.remove(module)
                if not self._is_closed:
                    self._start()
            else:
                self._free.put(module)

    def close(self) -> None:
        self._is_closed = True
        for worker in self._workers:
            worker.close()
        self._workers = []
        self._free = queue.SimpleQueue()

    def _start(self) -> None:
        worker = Worker(self._path)
        self._workers.append(worker)
        self._free.put(worker)


def _most() -> int:
    """Number of workers that cores and memory allow."""
    installed = memory.installed()
    fitting = installed // 2 // LANE if installed else MOST_LANES
    return max(1, min(cores.threads(), fitting))
