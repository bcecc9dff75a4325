"""What is left to do in a bucket, and how it is cut into slices."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal

from mirnet.cluster.manifest import DONE, FAILED, Row
from mirnet.cluster.places import Entry
from mirnet.pictures import codec
from mirnet.restoration import folder
from mirnet.strict_json import plain

SLICE_NAMES = 64
"""Pictures of a slice at most."""
SLICE_BYTES = 32 << 20
"""Bytes of the pictures of a slice, beyond which it is cut."""

RETRYABLE = frozenset(("io",))
"""Reasons of failures that may pass by themselves."""

Retry = Literal["none", "failed", "all"]


@dataclass(frozen=True, slots=True)
class Task:
    """One picture to restore."""

    path: str
    """Name in the source."""
    target: str
    """Name in the target."""
    fingerprint: str
    size: int
    """Bytes of the source."""
    replace: bool
    """Whether an existing result is replaced."""
    attempt: int
    """Number of its row."""


@dataclass(frozen=True)
class Slice:
    """Some tasks of one bucket, done by one worker."""

    bucket: int
    tasks: tuple[Task, ...]
    deaths: int = 0
    """Workers that have died on it."""


@dataclass(frozen=True)
class Todo:
    """What is left to do in a bucket."""

    tasks: list[Task]
    refused: list[Row]
    """New rows of pictures that cannot be restored because of their names."""
    done: int
    """Pictures that are done."""
    failed: Counter[str]
    """Pictures that failed earlier and are not tried again, by reason."""


def target_name(path: str, format: str | None) -> str:
    """The name of a picture's result: its own, with the suffix of the format.

    >>> target_name("a/b.nef", None), target_name("a/b.jpg", "png")
    ('a/b.tif', 'a/b.png')
    """
    suffix = folder.target_suffix(Path(path), format)
    return str(PurePosixPath(path).with_suffix(suffix))


def selector(
    include: Sequence[str], exclude: Sequence[str], *, recursive: bool = True, without: str = ""
) -> Callable[[str], bool]:
    """Tells which names are pictures to restore.

    Args:
        include: patterns such as `2024/*.jpg`, one of which must match; none stand for all. `*`
            matches slashes too.
        exclude: patterns, none of which may match.
        recursive: whether names in subfolders count.
        without: prefix of names that do not count, ending in a slash.
    """

    def is_wanted(name: str) -> bool:
        if PurePosixPath(name).suffix.lower() not in codec.SUFFIXES:
            return False
        if (without and name.startswith(without)) or (not recursive and "/" in name):
            return False
        if include and not any(fnmatchcase(name, pattern) for pattern in include):
            return False
        return not any(fnmatchcase(name, pattern) for pattern in exclude)

    return is_wanted


def may_hold(folder: str, exclude: Sequence[str], without: str = "") -> bool:
    """Whether a folder may hold pictures that `selector` wants.

    >>> may_hold("a/b/", ["a/*"]), may_hold("a/b/", ["*.png"])
    (False, True)
    """
    if without and folder.startswith(without):
        return False
    return not any(fnmatchcase(folder, pattern) for pattern in exclude)


def plan(
    entries: Sequence[Entry],
    rows: Mapping[str, Row],
    *,
    job: str,
    format: str | None,
    retry: Retry = "none",
) -> Todo:
    """Decide what is left to do.

    Args:
        entries: the listing of a bucket.
        rows: its manifest.
        job: identifies the settings.
        format: format of the results, None for that of the source.
        retry: `none` retries failures that may pass by themselves, `failed` all, and `all` redoes
            everything.
    """
    targets = [target_name(entry.name, format) for entry in entries]
    claims = Counter(targets)
    todo = Todo([], [], 0, Counter())
    done = 0
    for entry, target in zip(entries, targets, strict=True):
        path = plain(entry.name)
        row = rows.get(path)
        current = row if row and (row.fingerprint, row.job) == (entry.fingerprint, job) else None
        attempt = row.attempt + 1 if row else 1
        reason, error = "", ""
        if path != entry.name:
            reason, error = "name", f"{path}: its name is not UTF-8: rename it"
        elif claims[target] > 1:
            pairs = zip(entries, targets, strict=True)
            others = (each.name for each, same in pairs if same == target and each != entry)
            reason = "clash"
            error = f"{path} and {plain(next(others))} would both become {target}: rename one"
        if reason:
            refused = Row(
                path,
                entry.fingerprint,
                plain(target),
                FAILED,
                reason,
                error,
                attempt,
                time.time(),
                job=job,
            )
            if current and current.reason == refused.reason:
                todo.failed[refused.reason] += 1
            else:
                todo.refused.append(refused)
        elif current and current.status == DONE and retry != "all":
            done += 1
        elif (
            current
            and current.status == FAILED
            and retry == "none"
            and current.reason not in RETRYABLE
        ):
            todo.failed[current.reason] += 1
        else:
            todo.tasks.append(
                Task(entry.name, target, entry.fingerprint, entry.size, row is not None, attempt)
            )
    return Todo(todo.tasks, todo.refused, done, todo.failed)


def slices(bucket: int, tasks: Sequence[Task]) -> Iterator[Slice]:
    """Cut the tasks of a bucket: small enough that little is lost with a worker."""
    begin, held = 0, 0
    for index, task in enumerate(tasks):
        held += task.size
        if index + 1 - begin == SLICE_NAMES or held >= SLICE_BYTES or index + 1 == len(tasks):
            yield Slice(bucket, tuple(tasks[begin : index + 1]))
            begin, held = index + 1, 0
