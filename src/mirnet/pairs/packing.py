"""Pack a folder of pairs into shards, for `packed` to read.

The assignment of pairs to shards depends only on the sorted names and the sizes of the pictures, so
that an interrupted run can be resumed. One shard at a time is in memory.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from mirnet.errors import DataError
from mirnet.pairs import shard
from mirnet.pairs.pair_folder import Header, PairFolder
from mirnet.system.files import free_bytes, replacing

HEADER = 400  # bytes of a shard's header per pair, at most, for usual names


@dataclass(frozen=True)
class ShardJob:
    """One shard to write: a range of the sorted pairs."""

    path: Path
    label: shard.Label
    pairs: range
    bytes: int
    """Bytes of the pixels."""


def plan(
    source: PairFolder, target: Path, *, shard_mb: int, observe: Callable[[], None] = lambda: None
) -> list[ShardJob]:
    """Assign pairs to shards. Reads the headers of all pictures.

    Args:
        source: the pairs.
        target: folder of the shards.
        shard_mb: maximum 2^20 bytes of pixels per shard; a larger pair gets its own shard.
        observe: called after each pair.

    Raises:
        DataError: if a pair is none that can be learnt from, or a name is no text.
        ImageError: if a file cannot be read.
    """
    headers = []
    for index in range(len(source)):
        headers.append(source.header(index))
        observe()
    set_digest = _digest(_fact(source, index, header) for index, header in enumerate(headers))
    parts = _stretches([header.bytes for header in headers], shard_mb * 2**20)
    return [
        ShardJob(
            target / shard.name(number),
            shard.Label(
                shard=number,
                shards=len(parts),
                pairs=len(source),
                shard_mb=shard_mb,
                source=source.folder.resolve().name,
                set_digest=set_digest,
                files_digest=_digest(_lengths(source, part)),
            ),
            part,
            sum(headers[index].bytes for index in part),
        )
        for number, part in enumerate(parts)
    ]


def remaining(jobs: Sequence[ShardJob]) -> list[ShardJob]:
    """The jobs that an earlier run has not completed.

    Raises:
        DataError: if their folder holds anything but earlier shards of the same pairs, or the disk
            has no room for the others.
    """
    target = jobs[0].path.parent
    if target.exists() and not target.is_dir():
        raise DataError(f"{target} is a file: give a folder for the shards")
    planned = {job.path.name: job for job in jobs}
    there = set()
    for path in sorted(target.iterdir()) if target.exists() else ():
        if path.name in planned:
            _refuse_other(planned[path.name])
            there.add(path.name)
        elif shard.NAME.fullmatch(path.name):
            raise DataError(f"{path} was packed from other pairs: give a new folder")
        elif path.name not in {_part(name) for name in planned}:
            raise DataError(f"{target} holds {path.name}: give a new or an empty folder")
    rest = [job for job in jobs if job.path.name not in there]
    _refuse_full_disk(target, sum(job.bytes + HEADER * len(job.pairs) for job in rest))
    return rest


def write(source: PairFolder, job: ShardJob, observe: Callable[[], None] = lambda: None) -> None:
    """Write a shard, complete or not at all.

    Args:
        source: the pairs from which `job` was planned.
        job: the shard.
        observe: called after each pair.

    Raises:
        DataError: if a pair has changed since it was planned, or the disk does not take the shard.
        ImageError: if a picture file cannot be read.
        OSError: if the folder cannot be made or written.
    """
    tensors = {}
    for index in job.pairs:
        name = source.name(index)
        tensors[f"noisy/{name}"], tensors[f"clean/{name}"] = source.whole(index)
        observe()
    if sum(tensor.nbytes for tensor in tensors.values()) != job.bytes or (
        _digest(_lengths(source, job.pairs)) != job.label.files_digest
    ):
        raise DataError(f"{source.folder} changed while it was being packed: run the command again")
    job.path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(job.path, _part(job.path.name)) as part:
        _save(tensors, part, job)


def _save(tensors: dict[str, np.ndarray], part: Path, job: ShardJob) -> None:
    try:
        save_file(tensors, part, job.label.metadata())
    except SafetensorError as error:  # the library's error for any failure of the disk
        raise DataError(
            f"{job.path} cannot be written ({error}): check folder and space"
        ) from error


def _part(name: str) -> str:
    """Name of the hidden file; one left by a killed run is overwritten."""
    return f".{name}.part"


def _stretches(sizes: Sequence[int], limit: int) -> list[range]:
    """Consecutive indices whose total size is within the limit, or a single larger one."""
    starts, filled = [0], 0
    for index, size in enumerate(sizes):
        if filled and filled + size > limit:
            starts.append(index)
            filled = 0
        filled += size
    return [range(a, b) for a, b in itertools.pairwise([*starts, len(sizes)])]


def _fact(source: PairFolder, index: int, header: Header) -> str:
    name = source.name(index)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{source.folder}: the name {name!r} is not valid text: rename it"
        ) from error
    # a single view is not mentioned: sets that were packed before there were two stay what they are
    views = f"\0{header.views}" if header.views > 1 else ""
    return f"{name}\0{header.height}\0{header.width}\0{header.noisy}\0{header.clean}{views}"


def _lengths(source: PairFolder, part: range) -> Iterator[str]:
    for index in part:
        files = source.files(index)
        lengths = (path.stat().st_size for path in (*files.inputs, files.clean))
        yield "\0".join([source.name(index), *map(str, lengths)])


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _refuse_other(job: ShardJob) -> None:
    """Check that an existing shard is the one that the job would write."""
    label = shard.label(job.path, shard.open_file(job.path))
    if label.shard_mb != job.label.shard_mb:
        raise DataError(
            f"{job.path} was packed with --shard-mb {label.shard_mb}: give that, or a new folder"
        )
    if (label.set_digest, label.shard) != (job.label.set_digest, job.label.shard):
        raise DataError(
            f"{job.path} was packed from other pairs, or pairs were added, removed or resized "
            "since then: give a new folder"
        )
    if label.files_digest != job.label.files_digest:
        raise DataError(
            f"{job.path} was packed from files that have changed since: remove it to pack "
            "them again, or give a new folder"
        )


def _refuse_full_disk(target: Path, needed: int) -> None:
    free = free_bytes(target)
    if free < needed:
        raise DataError(
            f"{target}: the shards need {needed / 2**20:,.0f} MB, and {free / 2**20:,.0f} MB are "
            "free: make room or choose another disk"
        )
