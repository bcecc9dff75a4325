"""Long-lived processes that try cases, watched from outside for crashes, hangs and memory.

A worker that dies, takes longer than `verdict.SECONDS` or more memory than `verdict.BYTES` is a
finding; it is killed and a fresh one takes its place.
"""

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import psutil

from hostile.verdict import BYTES, SECONDS, Verdict

STARTING = 300.0
"""Seconds that a worker may take until it is ready."""


class Trial(Protocol):
    """What a worker does again and again."""

    kind: str

    def attempt(self, seed: int, number: int) -> Verdict:
        """Try one case."""
        ...


Opening = Callable[[Path, Path], Trial]
"""Makes a trial of the folder with the materials and one of the worker's own."""


class Worker:
    """One process, started when it is first needed; use it from one thread.

    Args:
        kind: kind of its cases.
        opening: makes the trial in the process.
        materials: folder that `materials.make` filled.
        place: a folder of its own; what a finding left there is kept by the caller.
    """

    def __init__(self, kind: str, opening: Opening, materials: Path, place: Path) -> None:
        self.kind = kind
        self._arguments = (opening, materials, place)
        self.place = place
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def attempt(
        self, seed: int, number: int, group: str, *, seconds: float = SECONDS, most: int = BYTES
    ) -> Verdict:
        """Try a case; a worker that is lost over it is a finding."""
        if self._process is None or not self._process.is_alive():
            self._start()
        assert self._process
        assert self._connection
        connection = self._connection
        verdict = Verdict(self.kind, number, group)
        watched = psutil.Process(self._process.pid)
        before = held(watched)
        connection.send((seed, number))
        until = time.monotonic() + seconds
        while not connection.poll(0.1):
            if not self._process.is_alive() and not connection.poll(0):
                self._process.join()
                verdict.find("crash", ending(self._process.exitcode))
                break
            if (taken := held(watched) - before) > most:
                verdict.find("memory", f"{taken / 1e9:.1f} GB")
                break
            if time.monotonic() > until:
                verdict.find("hang", f"no answer in {seconds:.0f} s")
                break
        else:
            try:
                received: Verdict = connection.recv()
            except EOFError:
                self._process.join()
                verdict.find("crash", ending(self._process.exitcode))
            else:
                return received
        self.close()
        return verdict

    def close(self) -> None:
        """Kill the process, and what it started."""
        if self._process and self._process.is_alive():
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(self._process.pid).children(recursive=True):
                    child.kill()
            self._process.kill()
            self._process.join()
        self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, *self._arguments))
        self._process.start()
        theirs.close()
        if not self._connection.poll(STARTING) or self._connection.recv() != "ready":
            raise RuntimeError(f"a worker for {self.kind} did not start; see {self.place}.log")


def held(process: psutil.Process) -> int:
    """Bytes of memory of a process and all that it started; 0 once it has ended."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
    return total


def ending(code: int | None) -> str:
    """How a process ended, in words."""
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _work(connection: Connection, opening: Opening, materials: Path, place: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller ends it
    logging.disable(logging.CRITICAL)
    place.mkdir(parents=True, exist_ok=True)
    log = os.open(f"{place}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)  # for what libraries print
    trial = opening(materials, place)
    connection.send("ready")
    with suppress(EOFError):
        while True:
            connection.send(trial.attempt(*connection.recv()))
