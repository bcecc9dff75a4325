"""Slices on Ray: actors pull them, and only names and counts pass through Ray.

The driver keeps at most one slice per actor in the air, so its memory does not grow with the job.
An actor that dies, with its node or alone, gives its slice back; new nodes get actors as they come.
"""

import logging
import os
import platform
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mirnet import __version__
from mirnet.cluster import job, manifest
from mirnet.cluster.child import Brief
from mirnet.cluster.manifest import FAILED, Row
from mirnet.cluster.places import open_place
from mirnet.cluster.plan import Slice
from mirnet.cluster.run import Run
from mirnet.cluster.work import Summary, Worker
from mirnet.errors import DataError, InferenceError, MirnetError
from mirnet.extras import needs

log = logging.getLogger(__name__)

SCALE_SECONDS = 5.0
"""Seconds between two looks at the size of the cluster."""

CONNECT_SECONDS = 10.0
"""Seconds that a cluster has to answer."""

CLOSE_SECONDS = 5.0
"""Seconds that idle workers have to end."""

POISONOUS = 2
"""Workers that may die on a slice; its pictures then run one by one, and one that does the same
again is given up."""

HOPELESS = 20
"""Workers that may die in a row before anything is done."""


@dataclass(frozen=True)
class Demand:
    """What is asked of the cluster."""

    address: str | None = None
    """A running cluster; None starts one on this machine."""
    workers: int | None = None
    """Most workers; None for as many as the cluster holds."""
    cpus: float = 1
    """CPUs of a worker."""
    gpus: float = 0
    """GPUs of a worker."""
    seconds: float | None = None
    """Most seconds for a picture."""


class Actor:
    """A worker as Ray runs it."""

    def __init__(self, brief: Brief, seconds: float | None) -> None:
        self._brief = brief
        self._worker = Worker(brief, seconds)

    def check(self) -> str:
        """The version of mirnet on its machine.

        Raises:
            DataError: if this machine does not see the job.
        """
        brief = self._brief
        found = job.read(open_place(brief.target, store_seconds=brief.store_seconds))
        if found is None or found.id != brief.settings.id:
            raise DataError(
                f"{platform.node()} does not see the job in {brief.target}: all machines need the "
                "same folders, or an object store"
            )
        return str(__version__)

    def work(self, part: Slice) -> Summary:
        """See `Worker.work`; errors that everybody would meet come back as they are."""
        return self._worker.work(part)

    def close(self) -> None:
        """End its child process."""
        self._worker.close()


@dataclass
class _Crew:
    """The actors, and what each of them does."""

    ray: Any
    make: Callable[[], Any]
    """Starts an actor."""
    calls: dict[Any, tuple[Any, Slice | None]] = field(default_factory=dict)
    """Calls in the air: the actor, and its slice; None while it starts."""
    idle: list[Any] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.calls) + len(self.idle)

    @property
    def at_work(self) -> bool:
        return any(part is not None for _, part in self.calls.values())

    def hire(self, count: int) -> None:
        """Start actors until there are so many."""
        for _ in range(count - self.size):
            actor = self.make()
            self.calls[actor.check.remote()] = actor, None

    def give(self, part: Slice) -> None:
        actor = self.idle.pop()
        self.calls[actor.work.remote(part)] = actor, part

    def dismiss(self) -> None:
        """End all actors; those that are idle get a moment to tidy up."""
        closing = [actor.close.remote() for actor in self.idle]
        if closing:
            self.ray.wait(closing, num_returns=len(closing), timeout=CLOSE_SECONDS)
        for actor in [actor for actor, _ in self.calls.values()] + self.idle:
            self.ray.kill(actor)


def load_ray() -> Any:  # noqa: ANN401 - a module
    """Import Ray, which then reports no usage to its makers.

    Raises:
        RuntimeMissingError: if it is missing.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # what Ray 2.60 warns will be the default
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    with needs("cluster", "mirnet cluster restore"):
        import ray
    return ray


def run(run: Run, brief: Brief, demand: Demand) -> Iterator[Summary]:
    """Do everything on a Ray cluster.

    Raises:
        RuntimeMissingError: if Ray is missing.
        MirnetError: if the cluster cannot be reached, a worker has another version of mirnet or
            cannot open the model, or workers die all the time.
        OSError: if the manifest can be neither read nor written.
    """
    ray = load_ray()
    started_here = not ray.is_initialized()
    if started_here:
        _connect(ray, demand.address)
    try:
        if not _room(ray, demand):
            told = f"no machine of the cluster holds a worker of {demand.cpus:g} CPUs"
            told += f" and {demand.gpus:g} GPUs" if demand.gpus else ""
            if not demand.address:
                raise InferenceError(f"{told}: ask for less, or give --address")
            log.warning("%s yet: waiting for one", told)
        yield from _drive(ray, run, brief, demand)
    finally:
        if started_here:
            ray.shutdown()


def _drive(ray: Any, run: Run, brief: Brief, demand: Demand) -> Iterator[Summary]:  # noqa: ANN401
    remote = ray.remote(Actor).options(
        num_cpus=demand.cpus, num_gpus=demand.gpus, max_restarts=0, max_task_retries=0
    )
    crew = _Crew(ray, lambda: remote.remote(brief, demand.seconds))
    fresh, returned = run.slices(), deque[Slice]()
    looked, deaths, is_exhausted = 0.0, 0, False
    try:
        while True:
            if time.monotonic() - looked > SCALE_SECONDS:
                looked = time.monotonic()
                # one at least, so that a cluster that grows on demand does so
                crew.hire(max(1, _room(ray, demand)))
            while crew.idle and not (is_exhausted and not returned):
                part = returned.popleft() if returned else next(fresh, None)
                if part is None:
                    is_exhausted = True
                elif isinstance(part, Summary):
                    yield part
                else:
                    crew.give(part)
            if is_exhausted and not returned and not crew.at_work:
                return
            ready, _ = ray.wait(list(crew.calls), num_returns=1, timeout=SCALE_SECONDS)
            for call in ready:
                actor, part = crew.calls.pop(call)
                try:
                    answer = ray.get(call)
                except ray.exceptions.RayTaskError as error:
                    raise _cause(error) from None
                except ray.exceptions.RayError as error:  # the actor, its node or its machine died
                    deaths += 1
                    if deaths > HOPELESS:
                        raise InferenceError(f"workers die all the time: {_line(error)}") from None
                    looked = 0.0
                    if part:
                        log.warning("a worker died: its pictures are done by another one")
                        summary = _take_back(run, part, returned)
                        if summary:
                            yield summary
                    continue
                crew.idle.append(actor)
                if part is None:
                    _check_version(answer)
                    continue
                deaths = 0
                run.finish(part)
                yield answer
    finally:
        crew.dismiss()


def _take_back(run: Run, part: Slice, returned: "deque[Slice]") -> Summary | None:
    """Queue what is left of a slice whose worker died; a picture that kills workers is given up."""
    rest = run.remainder(part)
    summary = _made_up_for(run, part, rest)
    if not rest.tasks:
        run.finish(part)
    elif rest.deaths < POISONOUS:
        returned.append(rest)
    elif len(rest.tasks) > 1:
        returned.extend(run.split(rest))
    else:
        task = rest.tasks[0]
        row = Row(
            task.path,
            task.fingerprint,
            task.target,
            FAILED,
            "crashed",
            f"{task.path}: ended its worker twice",
            task.attempt,
            time.time(),
            job=run.job.id,
        )
        manifest.write(run.target, part.bucket, [row])
        summary.add(row)
        run.finish(part)
    return summary


def _made_up_for(run: Run, part: Slice, rest: Slice) -> Summary:
    """The counts of what a worker did of a slice before it died."""
    summary = Summary(part.bucket)
    left = {task.path for task in rest.tasks}
    rows = manifest.read(run.target, part.bucket)
    for task in part.tasks:
        if task.path not in left:
            summary.add(rows[task.path])
    return summary


def _connect(ray: Any, address: str | None) -> None:  # noqa: ANN401 - a module
    try:
        _reach(address)
        with _keeping_termination():
            ray.init(
                address=address or "local",
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (OSError, ValueError, RuntimeError) as error:
        where = address or "this machine"
        raise InferenceError(
            f"no Ray cluster answers at {where} ({_line(error)}): start one with `ray start`, or "
            "leave out --address"
        ) from None


@contextmanager
def _keeping_termination() -> Iterator[None]:
    """Install the caller's handler again: Ray's own end the process without a word to anybody."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def _reach(address: str | None) -> None:
    """Try the port of HOST:PORT, since Ray tries for minutes.

    Raises:
        OSError: if nobody listens there.
    """
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


def _room(ray: Any, demand: Demand) -> int:  # noqa: ANN401 - a module
    """The number of workers that the cluster's machines hold now."""
    room = 0
    for node in ray.nodes():
        held = node["Resources"] if node["Alive"] else {}
        wanted = {"CPU": demand.cpus, "GPU": demand.gpus}
        fits = [held.get(name, 0) // count for name, count in wanted.items() if count]
        room += int(min(fits, default=1))
    return min(room, demand.workers) if demand.workers else room


def _check_version(version: str) -> None:
    if version != __version__:
        raise InferenceError(
            f"a worker has mirnet {version}, and this machine {__version__}: install one version "
            "on all of them"
        )


def _cause(error: Any) -> Exception:  # noqa: ANN401 - Ray's own
    """The error that a worker met."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, MirnetError | OSError):
        return cause
    return InferenceError(f"a worker failed: {_line(error)}")


def _line(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else type(error).__name__
