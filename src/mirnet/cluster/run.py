"""One run of a job: list, plan bucket by bucket, hand out slices, merge the manifest."""

import json
import os
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from mirnet.cluster import manifest, places, plan
from mirnet.cluster.buckets import Spool, spooling
from mirnet.cluster.child import Brief
from mirnet.cluster.job import Job
from mirnet.cluster.places import Entry, Place
from mirnet.cluster.plan import Retry, Slice
from mirnet.cluster.work import Summary, Worker
from mirnet.errors import DataError
from mirnet.pictures.vips import shown
from mirnet.system.hashing import bucket_of

RUNS = ".mirnet/runs"
"""Folder of the records of runs, in the target."""

Listed = Callable[[int], None]
"""Called with the number of pictures that were found so far."""


@dataclass(frozen=True)
class Selection:
    """Which pictures of the source a run is about."""

    include: Sequence[str] = ()
    """Patterns, one of which must match; none stand for all."""
    exclude: Sequence[str] = ()
    """Patterns, none of which may match."""
    recursive: bool = True
    """Whether subfolders count."""
    shard: int = 0
    """Number of this process, from 0, if several share the job."""
    shards: int = 1
    """Number of processes that share the job."""
    retry: Retry = "none"


@dataclass
class Run:
    """A run with its listing: hands out slices, and takes back what became of them."""

    source: Place
    target: Place
    job: Job
    selection: Selection
    spool: Spool
    unreadable: Sequence[str] = ()
    """Subfolders of the source that cannot be read, each with the reason, in lines."""
    done: int = 0
    """Pictures that were done before."""
    failed: Counter[str] = field(default_factory=Counter)
    """Pictures that failed before and are not tried again, by reason."""
    planned: int = 0
    """Pictures of the buckets that have been planned."""
    _open: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    """Slices of each bucket that are not finished."""

    @property
    def listed(self) -> int:
        """Pictures of the source that this run is about."""
        return self.spool.count

    def slices(self) -> Iterator[Slice | Summary]:
        """What is to be done, bucket by bucket; a summary tells of pictures that are refused."""
        for bucket in self.spool.buckets():
            entries = self.spool.read(bucket)
            todo = plan.plan(
                entries,
                manifest.read(self.target, bucket),
                job=self.job.id,
                format=self.job.settings.format,
                retry=self.selection.retry,
            )
            self.planned += len(entries)
            self.done += todo.done
            self.failed.update(todo.failed)
            if todo.refused:
                manifest.write(self.target, bucket, todo.refused)
                refused = Summary(bucket)
                for row in todo.refused:
                    refused.add(row)
                yield refused
            parts = list(plan.slices(bucket, todo.tasks))
            self._open[bucket] += len(parts)
            yield from parts
            if not parts:
                self._merge(bucket)

    def finish(self, part: Slice) -> None:
        """Note that a slice is done; the last one of a bucket merges its rows."""
        self._open[part.bucket] -= 1
        if self._open[part.bucket] == 0:
            self._merge(part.bucket)

    def remainder(self, part: Slice) -> Slice:
        """What is left of a slice whose worker died."""
        rows = manifest.read(self.target, part.bucket)
        tasks = [
            task
            for task in part.tasks
            if task.path not in rows or rows[task.path].attempt < task.attempt
        ]
        return Slice(part.bucket, tuple(tasks), part.deaths + 1)

    def split(self, part: Slice) -> list[Slice]:
        """The tasks of a slice as slices of their own."""
        self._open[part.bucket] += len(part.tasks) - 1
        return [Slice(part.bucket, (task,)) for task in part.tasks]

    def _merge(self, bucket: int) -> None:
        self._open.pop(bucket, None)
        manifest.merge(self.target, bucket)


@contextmanager
def start(
    source: Place, target: Place, job: Job, selection: Selection, *, listed: Listed | None = None
) -> Iterator[Run]:
    """List the source, and keep a record of the run in the target.

    Args:
        source: where the pictures are.
        target: where results and manifest go.
        job: the target's.
        selection: which pictures.
        listed: told how far the listing is.

    Raises:
        DataError: if there are no pictures, or the target is the source. Subfolders that cannot
            be read are noted in the run, whose pictures are then the others.
        OSError: if the source cannot be listed.
    """
    if source.url == target.url:
        raise DataError(f"{source.url} is source and target: results need a place of their own")
    without = places.inside(target, source)
    is_wanted = plan.selector(
        selection.include, selection.exclude, recursive=selection.recursive, without=without
    )
    unreadable: list[str] = []

    def note(error: OSError) -> None:
        name = os.path.relpath(error.filename, source.url) + "/"
        if selection.recursive and plan.may_hold(name, selection.exclude, without):
            unreadable.append(f"{shown(error.filename)} cannot be read: {error.strerror}")

    with spooling() as spool:
        seen = 0

        def mine() -> Iterator[tuple[int, Entry]]:
            nonlocal seen
            for entry in source.list(report=note):
                if not is_wanted(entry.name):
                    continue
                seen += 1
                if listed and seen % 10_000 == 0:
                    listed(seen)
                # pictures that would become one file meet in a bucket, where that is noticed
                wanted = plan.target_name(entry.name, job.settings.format)
                bucket = bucket_of(wanted, job.buckets)
                if bucket % selection.shards == selection.shard:
                    yield bucket, entry

        spool.fill(mine())
        if not seen:
            raise DataError("; ".join([f"no pictures in {source.url}", *unreadable]))
        run = Run(source, target, job, selection, spool, unreadable)
        record = f"{RUNS}/{time.time():017.6f}-{uuid.uuid4().hex[:8]}.json"
        facts = {
            "job": job.id,
            "started": time.time(),
            "shard": selection.shard,
            "shards": selection.shards,
            "listed": spool.count,
            "unreadable": len(unreadable),
        }
        target.write(record, json.dumps(facts).encode())
        yield run


def alone(run: Run, brief: Brief, seconds: float | None) -> Iterator[Summary]:
    """Do everything in this process and its child.

    Raises:
        StartError: if the model cannot be opened.
        OSError: if the manifest can be neither read nor written.
    """
    with Worker(brief, seconds) as worker:
        for part in run.slices():
            if isinstance(part, Summary):
                yield part
                continue
            summary = worker.work(part)
            run.finish(part)
            yield summary
