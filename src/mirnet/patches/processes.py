"""Parallel work on many inputs, in processes that end with the one that started them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from mirnet.errors import DataError

InputT = TypeVar("InputT")
ResultT = TypeVar("ResultT")

GoOn = Callable[[], bool]
"""Whether to continue: called regularly by long work."""

_stop: Any = None
"""In a worker: the event that the parent process sets to stop the work."""


def run(
    work: Callable[[InputT, GoOn], ResultT], inputs: Sequence[InputT], workers: int
) -> Generator[ResultT, None, None]:
    """Apply `work` to each input, and yield the results in order of completion.

    Close the iterator (`contextlib.closing`) to stop early: workers then end the next time they ask
    whether to continue. Only the parent process receives signals of the terminal.

    Args:
        work: a module-level function, which other processes can import. It receives one input, and
            a function that says whether to continue.
        inputs: picklable values, which are sent to the workers.
        workers: number of processes; with one, the work is done in this process.

    Raises:
        DataError: if a worker was killed.
    """
    workers = min(workers, len(inputs))
    if workers <= 1:
        for given in inputs:
            yield work(given, lambda: True)
        return
    # not fork, since libvips and other libraries have threads
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(stop,))
    try:
        with _signals_held_back():
            futures = [pool.submit(_call, work, given) for given in inputs]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool:
        raise DataError(
            "a worker process was killed, perhaps for lack of memory: run the command "
            "again with fewer workers"
        ) from None
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _call(work: Callable[[InputT, GoOn], ResultT], given: InputT) -> ResultT:
    return work(given, lambda: not _stop.is_set())


def _begin(stop: Any) -> None:  # noqa: ANN401 - multiprocessing's events have no type of their own
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End a worker whose parent was killed, which would otherwise wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Processes started inside never receive the signals that end a command; this one does later.

    Ctrl-C reaches all processes of a terminal, and would hit them during their imports.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    ours = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ours)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
