"""Compare a job's results with its manifest."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from mirnet.cluster import manifest
from mirnet.cluster.buckets import spooling
from mirnet.cluster.job import Job
from mirnet.cluster.manifest import DONE, FAILED, Row
from mirnet.cluster.places import Place
from mirnet.system.hashing import bucket_of

Kind = Literal["missing", "different", "unknown"]


@dataclass(frozen=True)
class Problem:
    """A result that is not as the manifest says."""

    kind: Kind
    """`missing`; `different` if its content is another; `unknown` if no row tells of it."""
    output: str
    """Name in the target."""


@dataclass
class Verification:
    """What was compared."""

    checked: int = 0
    """Results that the manifest tells of."""
    problems: int = 0


def verify(
    target: Place,
    job: Job,
    *,
    verification: Verification,
    quick: bool = False,
    mark: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Problem]:
    """Find results that are missing, changed, or unknown to the manifest.

    Args:
        target: the job's target.
        job: the job.
        verification: receives the counts.
        quick: compare sizes alone, and read no result.
        mark: note in the manifest that they are lost, so that the next run makes them again.
        progress: called with the number of results after each bucket.

    Raises:
        DataError: if a file of the manifest is damaged.
        OSError: if something cannot be read.
    """
    with spooling() as spool:
        spool.fill((bucket_of(entry.name, job.buckets), entry) for entry in target.list())
        for bucket in range(job.buckets):
            sizes = {entry.name: entry.size for entry in spool.read(bucket)}
            lost: list[Row] = []
            checked = 0
            for row in manifest.read(target, bucket).values():
                size = sizes.pop(row.output, None)
                if row.status != DONE:
                    continue
                checked += 1
                kind = _compare(target, row, size, quick=quick)
                if kind:
                    verification.problems += 1
                    lost.append(row)
                    yield Problem(kind, row.output)
            for name in sizes:
                verification.problems += 1
                yield Problem("unknown", name)
            if mark and lost:
                manifest.write(target, bucket, [_lost(row) for row in lost])
            verification.checked += checked
            if progress:
                progress(checked)


def _compare(target: Place, row: Row, size: int | None, *, quick: bool) -> Kind | None:
    if size is None:
        return "missing"
    if size != row.bytes:
        return "different"
    if quick:
        return None
    try:
        sha256, _ = target.digest(row.output)
    except FileNotFoundError:
        return "missing"
    return None if sha256 == row.sha256 else "different"


def _lost(row: Row) -> Row:
    error = f"{row.output}: is missing or was changed after it was made"
    return replace(row, status=FAILED, reason="io", error=error, attempt=row.attempt + 1)
