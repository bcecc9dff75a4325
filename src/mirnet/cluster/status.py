"""How far a job is, read from its manifest bucket by bucket."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field

from mirnet.cluster import manifest
from mirnet.cluster.job import Job
from mirnet.cluster.manifest import DONE
from mirnet.cluster.places import Place
from mirnet.cluster.run import RUNS


@dataclass
class Status:
    """How far a job is."""

    job: Job
    listed: int | None = None
    """Pictures of the source, as the latest run counted them; None if some of its shards have not
    started yet."""
    shards: int = 1
    """Processes that share the latest run."""
    started_shards: int = 0
    """Those of them that have started."""
    unreadable: int = 0
    """Folders of the source that the latest run could not read; the most of its shards."""
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Failures by reason."""
    outdated: int = 0
    """Pictures with results of earlier settings."""
    megapixels: float = 0.0
    bytes: int = 0
    worker_seconds: float = 0.0
    """Seconds that workers spent on pictures that are done."""
    recent: int = 0
    """Pictures done since the latest run started."""
    recent_seconds: float = 0.0
    """Seconds from then to the last of them."""

    @property
    def left(self) -> int | None:
        """Pictures that are neither done nor failed; None if nobody knows how many there are."""
        if self.listed is None:
            return None
        return max(0, self.listed - self.done - sum(self.failed.values()))

    @property
    def rate(self) -> float | None:
        """Pictures per second of the latest run."""
        return self.recent / self.recent_seconds if self.recent_seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until the job is done."""
        return self.left / self.rate if self.left is not None and self.rate else None


def read(target: Place, job: Job) -> Status:
    """Count what the manifest holds.

    Raises:
        DataError: if a file is damaged.
        OSError: if one cannot be read.
    """
    status = Status(job)
    since = _read_runs(target, status)
    last = since
    for bucket in range(job.buckets):
        for row in manifest.read(target, bucket).values():
            if row.job != job.id:
                status.outdated += 1
            elif row.status == DONE:
                status.done += 1
                status.megapixels += row.megapixels
                status.bytes += row.bytes
                status.worker_seconds += row.seconds
                if row.finished >= since:
                    status.recent += 1
                    last = max(last, row.finished)
            else:
                status.failed[row.reason] += 1
    status.recent_seconds = last - since
    return status


def _read_runs(target: Place, status: Status) -> float:
    """Note how many pictures the latest run is about; returns when it started."""
    names = sorted(entry.name for entry in target.list(f"{RUNS}/"))
    latest: dict[int, int] = {}
    since = time.time()
    for name in reversed(names):
        facts = json.loads(target.read(name))
        if not latest:
            status.shards = facts["shards"]
        if facts["shards"] != status.shards or facts["job"] != status.job.id:
            break
        if facts["shard"] not in latest:
            latest[facts["shard"]] = facts["listed"]
            status.unreadable = max(status.unreadable, facts.get("unreadable", 0))
            since = min(since, facts["started"])
        if len(latest) == status.shards:
            break
    status.started_shards = len(latest)
    if latest and len(latest) == status.shards:
        status.listed = sum(latest.values())
    return since
