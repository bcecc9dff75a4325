"""The service behind the routes: takes jobs, lets them run in a fair order, keeps their results.

Everything here runs in one event loop, so nothing needs a lock except where it awaits.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mirnet.serve.jobs import store
from mirnet.serve.jobs.job import Job
from mirnet.serve.jobs.store import Store
from mirnet.serve.jobs.studio import Studio
from mirnet.serve.metrics import Metrics
from mirnet.serve.problems import Problem
from mirnet.serve.settings import RUNNING, Settings

log = logging.getLogger(__name__)

SMALL = 2.0
"""Megapixels up to which a job may take the last place, so that it need not wait for large ones."""

SWEEP = 5.0
"""Seconds between looks for what is to be deleted."""

GIGABYTE = 1 << 30


class Board:
    """All jobs of one server.

    Args:
        settings: of the server.
        metrics: counts what happens.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings, self.metrics = settings, metrics
        self.limits = settings.limits
        self.store = Store(settings.data, int(self.limits.free_gigabytes * GIGABYTE))
        self.jobs: dict[tuple[str, str], Job] = {}  # by client and id
        self.is_draining = False
        self._queue: list[Job] = []
        self._running: set[Job] = set()
        self._taking: Counter[str] = Counter()  # bodies under way, by client
        self._sweeper: asyncio.Task[None] | None = None
        self._rate = 0.0  # megapixels a second, as lately measured
        self.studio = Studio(settings, metrics, self.store)

    def start(self) -> None:
        """Start the worker processes and the deleting of what is old."""
        self.studio.start()
        self._sweeper = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Stop everything, and delete all files."""
        if self._sweeper:
            self._sweeper.cancel()
        for job in list(self.jobs.values()):
            if not job.is_final:
                self._cancel(job)
        await self.studio.close()
        await asyncio.to_thread(self.store.close)

    @property
    def is_ready(self) -> bool:
        """Whether new jobs are taken: models are loaded, and the server does not stop."""
        return not self.is_draining and self.studio.is_ready

    @property
    def unfinished(self) -> int:
        """Number of jobs that wait or run, and of bodies that will be jobs."""
        return len(self._queue) + len(self._running) + sum(self._taking.values())

    @property
    def unfetched(self) -> int:
        """Number of jobs that are done, and whose results nobody has fetched."""
        return sum(job.state == "done" and not job.was_fetched for job in self.jobs.values())

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """A place for a body under way, so that no more is read than there is room for.

        Raises:
            Problem: if there is none.
        """
        if self.is_draining:
            raise Problem("draining", "the server is stopping: use another one", retry_after=5)
        if self.unfinished >= self.limits.jobs:
            raise self._full("the queue is full")
        own = sum(not job.is_final for key, job in self.jobs.items() if key[0] == client)
        if own + self._taking[client] >= self.limits.jobs_per_client:
            raise self._full(f"you have {own} jobs waiting, the most for one client")
        self._taking[client] += 1
        try:
            yield
        finally:
            self._taking[client] -= 1

    def add(self, job: Job) -> None:
        """Queue a job."""
        self.jobs[job.client, job.id] = job
        self._queue.append(job)
        self._schedule()

    def get(self, client: str, name: str) -> Job:
        """A client's job.

        Raises:
            Problem: if it has none of this id.
        """
        job = self.jobs.get((client, name))
        if job is None:
            raise Problem("not_found", "there is no such job: it may have expired or been deleted")
        return job

    def of(self, client: str) -> list[Job]:
        """A client's jobs, oldest first."""
        own = [job for key, job in self.jobs.items() if key[0] == client and not job.is_hidden]
        return sorted(own, key=lambda job: job.created)

    async def delete(self, job: Job) -> None:
        """Cancel a job, or delete one that is finished."""
        if job.is_final:
            await self.remove(job)
            return
        self._cancel(job)
        if job.work:
            await asyncio.wait([job.work])
        await asyncio.to_thread(store.remove, job.folder)

    async def remove(self, job: Job) -> None:
        """Forget a job and delete its files."""
        if not job.is_final:
            self._cancel(job)
        if job.work:
            await asyncio.wait([job.work])
        self.jobs.pop((job.client, job.id), None)
        await asyncio.to_thread(store.remove, job.folder)

    def stop(self, job: Job) -> None:
        """End a job because the server ends."""
        if job in self._queue:
            self._queue.remove(job)
        self._fail(job, Problem("draining", "the server stopped before the job was done"))
        if job.work:
            job.work.cancel()

    def _full(self, why: str) -> Problem:
        waiting = sum(job.megapixels for job in self._queue)
        seconds = waiting / self._rate if self._rate else 2.0
        # some of them will be done long before all are
        return Problem("queue_full", f"{why}: try again later", retry_after=min(60, seconds / 4))

    def _cancel(self, job: Job) -> None:
        if job in self._queue:
            self._queue.remove(job)
        job.enter("cancelled", Problem("cancelled", "the job was cancelled"))
        self.metrics.jobs.labels("cancelled").inc()
        if job.work:
            job.work.cancel()

    def _schedule(self) -> None:
        """Let jobs run while there are places."""
        places = RUNNING * self.settings.engine.processes
        while self._queue and len(self._running) < places:
            job = self._next(is_last=len(self._running) == places - 1 and places > 1)
            if job is None:
                break
            self._queue.remove(job)
            self._running.add(job)
            job.work = asyncio.create_task(self._work(job))
            job.work.add_done_callback(lambda _, job=job: self._leave(job))  # type: ignore[misc]
        self.metrics.queued.set(len(self._queue))
        self.metrics.running.set(len(self._running))

    def _next(self, *, is_last: bool) -> Job | None:
        """The oldest job of the client with the fewest running; the last place is for small."""
        able = [job for job in self._queue if not is_last or job.megapixels <= SMALL]
        running = Counter(job.client for job in self._running)
        return min(able, key=lambda job: (running[job.client], job.created), default=None)

    def _leave(self, job: Job) -> None:
        self._running.discard(job)
        self._schedule()

    async def _work(self, job: Job) -> None:
        """Run one job to its end."""
        self.metrics.stage.labels("wait").observe(time.time() - job.created)
        job.enter("running")
        try:
            async with asyncio.timeout(self.limits.seconds):
                await self._restore(job)
            job.enter("done")
            self.metrics.megapixels.inc(job.megapixels)
        except TimeoutError:
            most = self.limits.seconds
            self._fail(job, Problem("took_too_long", f"the job took longer than {most:g} seconds"))
        except Problem as problem:
            self._fail(job, problem)
        except Exception:
            log.exception("job failed", extra={"job": job.id})
            self._fail(job, Problem("internal", "the server failed: its log has the reason"))
        if job.state == "done":
            self.metrics.jobs.labels("done").inc()
        log.info("job ended", extra={"job": job.id, **_figures(job)})

    async def _restore(self, job: Job) -> None:
        seconds = await self.studio.restore(job)
        rate = job.megapixels / max(seconds, 1e-3)
        self._rate = rate if not self._rate else 0.8 * self._rate + 0.2 * rate

    def _fail(self, job: Job, problem: Problem) -> None:
        job.enter("failed", problem)
        self.metrics.jobs.labels("failed").inc()
        self.metrics.problems.labels(problem.code).inc()

    async def _sweep(self) -> None:
        """Delete finished jobs that are old, and the oldest if all take too much."""
        while True:
            await asyncio.sleep(SWEEP)
            try:
                await self._delete_old()
            except Exception:
                log.exception("sweep failed")

    async def _delete_old(self) -> None:
        now = time.time()
        finished = sorted(
            (job for job in self.jobs.values() if job.finished is not None and not job.is_hidden),
            key=lambda job: job.finished or 0,
        )
        for job in finished:
            if now - (job.finished or 0) > self.limits.keep_hours * 3600:
                await self.remove(job)
        kept = [job for job in finished if (job.client, job.id) in self.jobs]
        sizes = {job: await asyncio.to_thread(store.size, job.folder) for job in kept}
        total = sum(sizes.values())
        self.metrics.kept.set(total)
        for pool in self.studio.pools:
            memory = sum(process.memory for process in pool.alive)
            self.metrics.memory.labels(pool.plan.role).set(memory)
        for job in kept:
            if total <= self.limits.keep_gigabytes * GIGABYTE:
                break
            total -= sizes[job]
            with contextlib.suppress(Problem):
                await self.remove(job)


def _figures(job: Job) -> dict[str, Any]:
    """What a log may say about a job."""
    return {
        "state": job.state,
        "megapixels": round(job.megapixels, 2),
        "seconds": job.to_json()["seconds"],
        "problem": job.problem["code"] if job.problem else None,
    }
