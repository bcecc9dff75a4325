"""Restores pictures in a child process, so that a picture costs at most itself.

A picture that crashes the process twice is given up, one that takes too long is stopped, and one
that does not fit into memory is tried again with smaller tiles, in a new process, while no other on
this machine does the same.
"""

import contextlib
import json
import os
import platform
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from mirnet import __version__
from mirnet.cluster.child import CLOSING, START, Brief, Message
from mirnet.cluster.manifest import DONE, FAILED, Row
from mirnet.cluster.plan import Task
from mirnet.errors import InferenceError
from mirnet.system import locks, subprocesses

REASONS = {
    "picture": "no picture, damaged, or of a kind that is not restored",
    "memory": "does not fit into memory, even with smaller tiles",
    "timeout": "took too long",
    "crashed": "ended its process twice",
    "io": "could not be read or written; tried again by the next run",
    "inference": "the runtime failed",
    "unsuitable": "does not suit the model or the options",
    "clash": "several pictures would become one file",
    "name": "its name is not UTF-8",
    "internal": "an error in mirnet",
}
"""Kinds of failures, by the name that the manifest uses."""

STARTS = 2
"""Attempts to start a process that ends without saying why."""


RECYCLED = 10_000
"""Pictures after which a process is replaced: libraries keep about a kilobyte of each."""


class StartError(InferenceError):
    """No child process can be started; its message is the process's own."""


class Hands:
    """A child process that is started when needed, and replaced when it dies.

    Args:
        brief: what the process uses.
        seconds: most seconds that one picture may take; None for any number.
    """

    def __init__(self, brief: Brief, seconds: float | None = None) -> None:
        self._brief = brief
        self._seconds = seconds
        self._process: subprocess.Popen[Any] | None = None
        self._answers: Queue[str | None] = Queue()
        self._restored = 0  # by this process
        self.worker = f"{platform.node()}:{os.getpid()}"
        """Name of this worker in the manifest."""

    @property
    def pid(self) -> int | None:
        """The system's number of the child process, if one runs."""
        return self._process.pid if self._process else None

    def restore(self, task: Task) -> Row:
        """Restore one picture.

        Returns:
            Its row for the manifest.

        Raises:
            StartError: if no process can be started, or the model cannot be opened.
        """
        if self._restored >= RECYCLED:
            self.close()
        answer = self._ask(task)
        first = answer["failed"]["reason"] if "failed" in answer else ""
        if first in ("crashed", "killed", "memory"):
            self._end()  # its memory may be in pieces
            needs_room = first != "crashed"
            with _alone() if needs_room else contextlib.nullcontext():
                answer = self._ask(task, is_smaller=needs_room)
            if needs_room:
                self._end()
        return self._row(task, answer)

    def close(self) -> None:
        """End the process, which gets a moment to tidy up."""
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self._process.stdin.close()
                self._process.wait(2 * CLOSING)
        self._end()

    def __enter__(self) -> "Hands":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, task: Task, *, is_smaller: bool = False) -> Message:
        process = self._start()
        self._restored += 1
        assert process.stdin
        described = {name: getattr(task, name) for name in task.__slots__}
        line = json.dumps({"task": described, "smaller": is_smaller}) + "\n"
        with contextlib.suppress(OSError):  # it died, which its answer tells
            process.stdin.write(line.encode())
            process.stdin.flush()
        try:
            answer = self._answers.get(timeout=self._seconds)
        except Empty:
            self._end()
            error = f"{task.path}: took more than {self._seconds:g} s"
            return {"failed": {"reason": "timeout", "error": error}}
        if answer is not None:
            return dict(json.loads(answer))
        code = process.wait()
        self._end()
        # the system, when memory runs out, ends processes by this signal
        reason = "killed" if code == -getattr(signal, "SIGKILL", 9) else "crashed"
        error = f"{task.path}: its process was {_ended(code)}, twice"
        return {"failed": {"reason": reason, "error": error}}

    def _row(self, task: Task, answer: Message) -> Row:
        settings = self._brief.settings
        found = answer.get("done") or answer["failed"]
        if found.get("reason") == "killed":
            found["reason"] = "crashed"
        fields: dict[str, Any] = {
            "path": task.path,
            "fingerprint": task.fingerprint,
            "output": task.target,
            "status": DONE if "done" in answer else FAILED,
            "attempt": task.attempt,
            "finished": time.time(),
            "job": settings.id,
            "model": settings.model,
            "weights": settings.sha256,
            "worker": self.worker,
            "version": __version__,
        }
        return Row(**{**fields, **found})

    def _start(self) -> "subprocess.Popen[Any]":
        if self._process and self._process.poll() is None:
            return self._process
        for attempt in range(STARTS):
            self._end()
            self._process = process = subprocesses.start(["-c", START])
            self._answers = Queue()
            threading.Thread(
                target=_read, args=(process, self._answers), name="mirnet-answers", daemon=True
            ).start()
            assert process.stdin
            with contextlib.suppress(OSError):
                process.stdin.write(self._brief.to_json().encode() + b"\n")
                process.stdin.flush()
            answer = json.loads(self._answers.get() or "{}")
            if "ready" in answer:
                return process
            if "failed" in answer:
                self._end()
                raise StartError(answer["failed"]["error"])
            if attempt == STARTS - 1:
                code = process.wait()
                self._end()
                raise StartError(f"a worker process was {_ended(code)} while it was starting")
        raise AssertionError("unreachable")

    def _end(self) -> None:
        if self._process:
            subprocesses.end(self._process)
            self._process = None
        self._restored = 0


def _read(process: "subprocess.Popen[Any]", answers: "Queue[str | None]") -> None:
    """Pass on the lines that a process prints, then None."""
    assert process.stdout
    with contextlib.suppress(OSError, ValueError):  # closed while reading
        for line in process.stdout:
            if line.endswith(b"\n"):
                answers.put(line.decode())
    answers.put(None)


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other worker on this machine tries a picture that needs much memory."""
    path = Path(tempfile.gettempdir()) / "mirnet-alone.lock"
    while True:
        try:
            with locks.holding(path):
                yield
            return
        except locks.HeldError:
            time.sleep(0.5)
