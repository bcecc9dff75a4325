"""Evaluation in shards: each measures a part of the pairs, and one manifest holds all rows.

The rows lie in the buckets of `manifest`, one row per pair. Whoever finds all of them there
computes the means, in the order of the pairs, so they are those of one process.
"""

import hashlib
import json
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mirnet import __version__
from mirnet.cluster import job, manifest
from mirnet.cluster.buckets import BUCKETS
from mirnet.cluster.manifest import DONE, FAILED, Row
from mirnet.cluster.places import Place
from mirnet.cluster.work import ROWS_SECONDS
from mirnet.errors import DataError
from mirnet.evaluation.evaluate import Evaluation, Watcher, open_methods
from mirnet.evaluation.method import Method, common_views
from mirnet.evaluation.run import Failed, Measured, Outcome, run
from mirnet.evaluation.scores import Distance, Scores
from mirnet.evaluation.sets import DataSet, WholePairs, open_all
from mirnet.evaluation.summary import Summary
from mirnet.extras import needs
from mirnet.pairs.pair_folder import PairFolder
from mirnet.restoration.restorer import Restorer
from mirnet.shapes import LargerPixels, Pixels
from mirnet.strict_json import plain
from mirnet.system.hashing import bucket_of


@dataclass(frozen=True)
class One:
    """One pair of a data set; see `sets.WholePairs`."""

    pairs: WholePairs
    index: int

    def __len__(self) -> int:
        return 1

    def name(self, _: int) -> str:
        """Name of the pair."""
        return self.pairs.name(self.index)

    def whole(self, _: int) -> tuple[Pixels, LargerPixels]:
        """Noisy, h w 3 or 6, and clean, h w 3, as large or larger by a scale."""
        return self.pairs.whole(self.index)


@dataclass(frozen=True)
class Share:
    """What one of several processes found when its part was done."""

    evaluation: Evaluation
    """All pairs that have a row, whoever measured them."""
    missing: int
    """Pairs without a row, which other shards have yet to measure."""


def evaluate(
    folders: Sequence[Path],
    models: Sequence[str],
    load: Callable[[str], Restorer],
    target: Place,
    shard: tuple[int, int],
    *,
    options: Mapping[str, Any],
    baselines: Sequence[str] = (),
    limit: int | None = None,
    lpips: Distance | None = None,
    shave: int | None = None,
    match_light: bool = False,
    watcher: Watcher | None = None,
) -> Share:
    """Measure a part of the pairs, as far as the target has no row of them, or one that failed.

    Args:
        folders: folders of pairs; all processes give them in the same words.
        models: names in the catalogue, or files.
        load: opens a model.
        target: where the manifest is.
        shard: number of this process, from 0, and number of processes.
        options: what `load` was given; rows of other options are not mixed with these.
        baselines: see `baselines.open_all`.
        limit: maximum number of pairs per folder; None for all.
        lpips: see `scores.measure`.
        shave: see `evaluation.evaluate`.
        match_light: see `evaluation.evaluate`.
        watcher: called for each pair of this part, measured now or before.

    Raises:
        DataError: if the target holds something else, there are more shards than buckets, and as
            `evaluation.evaluate` does; likewise its other errors.
        OSError: if the manifest can be neither read nor written.
    """
    number, shards = shard
    if shards > BUCKETS:
        raise DataError(f"an evaluation has {BUCKETS} buckets: use at most as many shards")
    with ExitStack() as stack:
        methods, scale = open_methods(stack, models, load, baselines)
        if shave is None:
            shave = scale if scale > 1 else 0
        with needs("train", "reading shards"):
            data_sets = open_all(folders, limit=limit, scale=scale, views=common_views(methods))
        digests = {name: job.digest(name) for name in models}
        described = {"data": [str(each) for each in folders], "models": digests, "limit": limit}
        described |= {"baselines": list(baselines), "lpips": lpips is not None, "shave": shave}
        if match_light:  # evaluations from before it was there keep their identity
            described["match_light"] = True
        identity = _enter(target, described | {"options": dict(options)})
        todo: defaultdict[int, list[tuple[DataSet, int]]] = defaultdict(list)
        for data in data_sets:
            for index in range(data.count):
                bucket = bucket_of(_path(data, index), BUCKETS)
                if bucket % shards == number:
                    todo[bucket].append((data, index))
        if watcher:
            watcher.begin(sum(map(len, todo.values())))
        measure = partial(run, methods=methods, lpips=lpips, shave=shave, match_light=match_light)
        for bucket, pairs in sorted(todo.items()):
            _work(target, identity, bucket, pairs, measure, watcher)
        return _gather(target, data_sets, methods)


def _work(
    target: Place,
    identity: str,
    bucket: int,
    pairs: Sequence[tuple[DataSet, int]],
    measure: Callable[[Sequence[DataSet]], Iterator[Measured | Failed]],
    watcher: Watcher | None,
) -> None:
    """Measure the pairs of a bucket that have no row, or one that failed, or have changed."""
    known = manifest.read(target, bucket)
    rows: list[Row] = []
    written = time.monotonic()
    try:
        for data, index in pairs:
            row = known.get(_path(data, index))
            if row and (row.status, row.fingerprint) == (DONE, _fingerprint(data, index)):
                if watcher:
                    watcher.measured(_result(row, data, index))
                continue
            (result,) = measure([DataSet(data.folder, One(data.pairs, index), 1)])
            rows.append(_row(result, data, index, row, identity))
            if watcher:
                watcher.measured(result)
            if time.monotonic() - written > ROWS_SECONDS:
                manifest.write(target, bucket, rows)
                rows, written = [], time.monotonic()
    finally:  # an interruption, too, leaves the rows of what is done
        if rows:
            manifest.write(target, bucket, rows)
    manifest.merge(target, bucket)


def _gather(target: Place, data_sets: Sequence[DataSet], methods: Sequence[Method]) -> Share:
    """The results of all pairs, in their order, so that sums are those of one process."""
    found = {bucket: manifest.read(target, bucket) for bucket in range(BUCKETS)}
    results: list[Measured | Failed] = []
    summaries = {data.folder: Summary(methods) for data in data_sets}
    overall, missing = Summary(methods), 0
    for data in data_sets:
        for index in range(data.count):
            path = _path(data, index)
            row = found[bucket_of(path, BUCKETS)].get(path)
            if row is None or row.fingerprint != _fingerprint(data, index):
                missing += 1
                continue
            results.append(_result(row, data, index))
            for summary in (summaries[data.folder], overall):
                summary.add(results[-1])
    return Share(Evaluation(methods, results, summaries, overall), missing)


def _enter(target: Place, described: Mapping[str, Any]) -> str:
    """Join the evaluation of a target, or begin it; returns what identifies it."""
    text = json.dumps({"version": job.VERSION, "evaluation": described}, indent=1, sort_keys=True)
    content = text.encode()
    if not target.write(job.JOB, content, replace=False) and target.read(job.JOB) != content:
        raise DataError(
            f"{target.url} holds a job, or an evaluation with other data, models or options: "
            "choose another folder"
        )
    return hashlib.sha256(content).hexdigest()[:16]


def _path(data: DataSet, index: int) -> str:
    return str(plain(f"{data.folder}/{data.pairs.name(index)}"))


def _fingerprint(data: DataSet, index: int) -> str:
    """Changes with the pair; for shards and .mat files, with any of the folder's files."""
    if isinstance(data.pairs, PairFolder):
        pair = data.pairs.files(index)
        files = [*pair.inputs, pair.clean]
    else:
        files = sorted(path for path in data.folder.iterdir() if path.is_file())
    facts = [path.stat() for path in files]
    return ",".join(f"{each.st_size}-{each.st_mtime_ns}" for each in facts)


def _row(
    result: Measured | Failed, data: DataSet, index: int, before: Row | None, identity: str
) -> Row:
    fields: dict[str, Any] = {"status": FAILED, "reason": "picture"}
    if isinstance(result, Failed):
        fields["error"] = plain(result.error)
    else:
        outcomes = list(result.outcomes.values())
        record = asdict(result)
        kept = {key: record[key] for key in ("height", "width", "input", "outcomes")}
        fields = {
            "status": DONE,
            "seconds": sum(each.seconds for each in outcomes),
            "megapixels": result.height * result.width / 1e6,
            "psnr": outcomes[0].scores.psnr,
            "ssim": outcomes[0].scores.ssim,
            "scores": json.dumps(kept),
        }
    return Row(
        path=_path(data, index),
        fingerprint=_fingerprint(data, index),
        output="",
        attempt=before.attempt + 1 if before else 1,
        finished=time.time(),
        job=identity,
        worker=platform.node(),
        version=__version__,
        **fields,
    )


def _result(row: Row, data: DataSet, index: int) -> Measured | Failed:
    """What `_row` was given."""
    name = data.pairs.name(index)
    if row.status != DONE:
        return Failed(data.folder, name, row.error)
    kept = json.loads(row.scores)
    outcomes = {
        name: Outcome(**{**each, "scores": Scores(**each["scores"])})
        for name, each in kept["outcomes"].items()
    }
    scores = Scores(**kept["input"])
    return Measured(data.folder, name, kept["height"], kept["width"], scores, outcomes)
