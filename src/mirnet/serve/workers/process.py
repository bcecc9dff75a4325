"""One worker process, seen from the server: tasks in, events and results out."""

import asyncio
import contextlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mirnet.errors import MirnetError
from mirnet.serve.problems import Problem
from mirnet.serve.workers.worker import START, Message

LINE = 1 << 20
"""Bytes of the longest answer."""

CLOSING = 5.0
"""Seconds that a process gets to end by itself."""

Listener = Callable[[Message], None]


class WorkerDiedError(Exception):
    """The process ended while it worked; nobody knows on what."""


class StartError(MirnetError):
    """A worker process did not start: its message is the process's own."""


@dataclass(eq=False)
class _Task:
    finished: asyncio.Future[Message]
    listener: Listener | None


@dataclass(eq=False)
class Process:
    """A running worker process."""

    facts: Message
    """What it told when it was ready."""
    base_memory: int
    """Bytes of memory that it took then."""
    tasks_done: int = 0
    memory: int = 0
    """Bytes of memory that it took after its last task."""
    started: float = field(default_factory=time.monotonic)
    _running: dict[int, _Task] = field(default_factory=dict)

    _process: asyncio.subprocess.Process = field(init=False, repr=False)
    _reader: asyncio.Task[None] = field(init=False, repr=False)

    @classmethod
    async def start(cls, options: Message) -> "Process":
        """Start one and wait until it is ready.

        Args:
            options: what `worker.main` takes, `role` among them.

        Raises:
            StartError: if it fails, with the reason that it gave.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", START),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            limit=LINE,
        )
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(options).encode() + b"\n")
            answer = json.loads(await process.stdout.readline() or b"{}")
        except (OSError, ValueError):
            answer = {}
        except BaseException:
            process.kill()
            raise
        if "ready" not in answer:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise StartError(answer.get("failed", "a worker process ended while it was starting"))
        new = cls(answer["ready"], answer["memory"], memory=answer["memory"])
        new._process = process
        new._reader = asyncio.create_task(new._read())
        return new

    @property
    def is_alive(self) -> bool:
        """Whether it can take tasks."""
        return not self._reader.done()

    @property
    def load(self) -> int:
        """Number of tasks it works on."""
        return len(self._running)

    @property
    def pid(self) -> int:
        """The system's number of the process."""
        return self._process.pid

    async def run(
        self, message: Message, listener: Listener | None = None, *, number: int | None = None
    ) -> Message:
        """Let it do a task; if this is cancelled, so is the task.

        Args:
            message: the task, `do` and its arguments.
            listener: called with each event.
            number: of `next_number`; a new one by default.

        Raises:
            Problem: if the task fails.
            WorkerDiedError: if the process ends before the task.
        """
        number = next_number() if number is None else number
        if not self.is_alive:
            raise WorkerDiedError
        task = _Task(asyncio.get_running_loop().create_future(), listener)
        self._running[number] = task
        try:
            await self._send({**message, "task": number})
            return await task.finished
        except asyncio.CancelledError:
            with contextlib.suppress(WorkerDiedError):
                await self._send({"cancel": number})
            raise
        finally:
            if task.finished.done() or not self.is_alive:
                self._running.pop(number, None)
            else:  # cancelled: its place is taken until the process has answered
                task.listener = None

    async def close(self) -> None:
        """End it: at once if it does not by itself."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), CLOSING)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await asyncio.gather(self._reader, return_exceptions=True)

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _send(self, message: Message) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise WorkerDiedError from error

    async def _read(self) -> None:
        """Hand out what it answers, until it ends."""
        assert self._process.stdout
        try:
            while line := await self._process.stdout.readline():
                self._take(json.loads(line))
        except (OSError, ValueError):  # killed in the middle of a line
            self.kill()
        finally:
            for task in self._running.values():
                if not task.finished.done():
                    task.finished.set_exception(WorkerDiedError())
                    task.finished.exception()  # nobody waits for those that were cancelled
            self._running.clear()

    def _take(self, answer: dict[str, Any]) -> None:
        task = self._running.get(answer["task"])
        if "event" in answer:
            if task and task.listener:
                task.listener(answer["event"])
            return
        self.memory = answer["memory"]
        self.tasks_done += 1
        self._running.pop(answer["task"], None)
        if task is None or task.finished.done():
            return
        if "problem" in answer:
            problem = answer["problem"]
            task.finished.set_exception(Problem(problem["code"], problem["detail"]))
        else:
            task.finished.set_result(answer["result"])


_numbers = itertools.count(1)


def next_number() -> int:
    """A number for a task, for those who need it before the task begins."""
    return next(_numbers)
