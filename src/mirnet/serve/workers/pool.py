"""Worker processes of one role: started, watched, replaced.

A process that dies takes its tasks along. Each of them is run once more, alone in a new process, so
that the one to blame takes no other with it; if that dies too, the task has failed.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field

from mirnet.serve.metrics import Metrics
from mirnet.serve.problems import Problem
from mirnet.serve.workers.process import Listener, Process, StartError, WorkerDiedError, next_number
from mirnet.serve.workers.worker import Message

log = logging.getLogger(__name__)

WAITS = (0.0, 0.5, 2.0, 5.0, 15.0)
"""Seconds before each further attempt to start a process that does not start."""


@dataclass(frozen=True)
class Plan:
    """How the processes of a role are started and replaced."""

    role: str
    options: tuple[Message, ...]
    """Of each process, as `worker.main` takes them."""
    tasks: int
    """Tasks that one process works on at a time."""
    recycle_tasks: int
    """Tasks after which a process is replaced."""
    recycle_bytes: int
    """Growth after which a process is replaced."""


@dataclass(eq=False)
class Ticket:
    """Where a task runs, for those who need the same process."""

    number: int = field(default_factory=next_number)
    process: Process | None = None


class Pool:
    """Worker processes of one role.

    Args:
        plan: how many, and how.
        metrics: counts those that died or were replaced.
    """

    def __init__(self, plan: Plan, metrics: Metrics) -> None:
        self.plan, self._metrics = plan, metrics
        self._processes: list[Process | None] = [None] * len(plan.options)
        self._changed = asyncio.Condition()
        self._alone = asyncio.Lock()
        self._keepers: list[asyncio.Task[None]] = []
        self._extra: set[Process] = set()
        self.failure = ""
        """Why no process starts; empty if they do."""

    def start(self) -> None:
        """Start the processes in the background, and keep them running."""
        self._keepers = [
            asyncio.create_task(self._keep(place)) for place in range(len(self._processes))
        ]

    async def close(self) -> None:
        """End all processes."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        processes = [process for process in (*self._processes, *self._extra) if process]
        await asyncio.gather(*(process.close() for process in processes))

    @property
    def is_ready(self) -> bool:
        """Whether a process can take tasks."""
        return any(process and process.is_alive for process in self._processes)

    @property
    def alive(self) -> list[Process]:
        """The processes that run now."""
        return [process for process in self._processes if process and process.is_alive]

    async def run(
        self, message: Message, listener: Listener | None = None, *, ticket: Ticket | None = None
    ) -> Message:
        """Let a process do a task, twice if the first one dies.

        Args:
            message: the task.
            listener: called with each event.
            ticket: is told where it runs.

        Raises:
            Problem: if the task fails, or kills two processes.
        """
        ticket = ticket or Ticket()
        process = await self._free()
        ticket.process = process
        try:
            return await process.run(message, listener, number=ticket.number)
        except WorkerDiedError:
            log.warning("task retried", extra={"role": self.plan.role, "do": message["do"]})
            self._metrics.retried.labels(self.plan.role).inc()
        finally:
            ticket.process = None
            await self._tell()
        return await self._run_alone(message, listener, ticket)

    async def _run_alone(
        self, message: Message, listener: Listener | None, ticket: Ticket
    ) -> Message:
        async with self._alone:
            try:
                process = await Process.start(self.plan.options[0])
            except StartError as error:
                raise Problem("internal", f"no worker process starts: {error}") from error
            self._extra.add(process)
            ticket.process, ticket.number = process, next_number()
            try:
                return await process.run(message, listener, number=ticket.number)
            except WorkerDiedError:
                self._metrics.died.labels(self.plan.role).inc()
                raise Problem(
                    "crashed",
                    "the picture ended two worker processes: it takes more memory than a job may "
                    "have, or the file is harmful",
                ) from None
            finally:
                ticket.process = None
                self._extra.discard(process)
                await asyncio.shield(asyncio.create_task(process.close()))

    async def _free(self) -> Process:
        """The process with the least to do, once one has room."""
        async with self._changed:
            while True:
                able = [one for one in self.alive if one.load < self.plan.tasks]
                if able:
                    return min(able, key=lambda one: one.load)
                # a task that was cancelled gives its place back without a word
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.2)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _keep(self, place: int) -> None:
        """Keep one process running: start it, and replace it when it died, or has grown."""
        failures = 0
        while True:
            await asyncio.sleep(WAITS[min(failures, len(WAITS) - 1)])
            try:
                process = await Process.start(self.plan.options[place])
            except (StartError, OSError) as error:
                failures += 1
                self.failure = str(error)
                log.error("worker not started", extra={"role": self.plan.role, "why": str(error)})
                continue
            failures, self.failure = 0, ""
            old, self._processes[place] = self._processes[place], process
            await self._tell()
            log.info("worker ready", extra={"role": self.plan.role, "worker": process.pid})
            if old:
                asyncio.create_task(_retire(old))  # noqa: RUF006 - it ends by itself
            await self._until_spent(process)
            if process.is_alive:
                self._metrics.recycled.labels(self.plan.role).inc()
            else:
                self._processes[place] = None
                self._metrics.died.labels(self.plan.role).inc()
                log.warning("worker died", extra={"role": self.plan.role, "worker": process.pid})

    async def _until_spent(self, process: Process) -> None:
        while process.is_alive:
            grown = process.memory - process.base_memory > self.plan.recycle_bytes
            if process.tasks_done >= self.plan.recycle_tasks or grown:
                return
            await asyncio.sleep(0.2)


async def _retire(process: Process) -> None:
    """End a process once it has finished what it does."""
    while process.is_alive and process.load:
        await asyncio.sleep(0.2)
    await process.close()
