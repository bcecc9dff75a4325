"""A job: source, target and settings, kept in the target so that nothing else is mixed into it."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mirnet.cluster.buckets import BUCKETS
from mirnet.cluster.places import Folder, Place
from mirnet.errors import DataError
from mirnet.models import catalog, identity
from mirnet.restoration import folder

JOB = ".mirnet/job.json"
"""Name of a job's description in its target."""

VERSION = 1
"""Version of the description and the manifest."""

LATER = ("whole", "grain", "grain_seed")
"""Settings that jobs of this version once did not have."""


@dataclass(frozen=True)
class Settings:
    """What decides how a result looks: the options of `mirnet restore`, as they were given."""

    model: str = catalog.DEFAULT
    """Name, address or file of the model. Files must be at the same path on all machines, and
    models of a hub pulled on each."""
    sha256: str = ""
    """Digest of the model's weights; results of other weights are not mixed with these."""
    strength: float = 1.0
    self_ensemble: int = 1
    format: str | None = None
    quality: int | None = None
    device: str = "auto"
    runtime: str = "auto"
    precision: str = "auto"
    tile: int | None = None
    overlap: int | None = None
    local: int | None = None
    whole: bool = False
    grain: float = 0.0
    grain_seed: int = 0

    @property
    def id(self) -> str:
        """A short digest of everything but the model's name.

        Options of `LATER` count only where they are set, so that older jobs can go on.
        """
        described = {**asdict(self), "model": ""}
        for name in LATER:
            if not described[name]:
                del described[name]
        text = json.dumps(described, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Job:
    """A description as it stands in the target."""

    source: str
    """Address of the source."""
    settings: Settings
    buckets: int = BUCKETS
    """Number of buckets of the manifest, for the life of the job."""

    @property
    def id(self) -> str:
        """Identifies the settings."""
        return self.settings.id


def digest(model: str) -> str:
    """SHA-256 of the weights of a model of the catalogue, or of a model file.

    Raises:
        WeightsError: if there is no such model.
        OSError: if it cannot be read.
    """
    return identity.digest(catalog.file(model))


def read(target: Place) -> Job | None:
    """The job of a target; None if it has none.

    Raises:
        DataError: if it cannot be understood.
        OSError: if it cannot be read.
    """
    try:
        text = target.read(JOB)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        found = json.loads(text)
        if "evaluation" in found:
            raise DataError(f"{target.url} holds an evaluation in shards: use another folder")
        version = found["version"]
        if version == VERSION:
            return Job(found["source"], Settings(**found["settings"]), int(found["buckets"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{target.url}/{JOB} is damaged ({error}): use another target") from error
    raise DataError(
        f"{target.url}/{JOB} has version {version!r}, where this mirnet reads {VERSION}: "
        "update mirnet"
    )


def existing(target: Place) -> Job:
    """The job of a target.

    Raises:
        DataError: if it has none, or one that cannot be understood.
        OSError: if it cannot be read.
    """
    found = read(target)
    if found is None:
        raise DataError(
            f"{target.url} holds no job: give the target of `mirnet cluster restore` or of "
            "`mirnet restore --shard`"
        )
    return found


def enter(
    target: Place, source: Place, settings: Settings, *, shards: int = 1, overwrite: bool = False
) -> Job:
    """Join the job of a target, or create it. Several processes may do so at the same time.

    Args:
        target: where results go.
        source: where pictures come from.
        settings: how they are restored.
        shards: number of processes that share the buckets.
        overwrite: take the place of a job with other settings, and of files that no job wrote.

    Raises:
        DataError: if the target holds another job or other files, or has too few buckets.
        OSError: if it can be neither read nor written.
    """
    found = read(target)
    if found is None and not overwrite:
        found = _refuse_other_files(target)
    if found is None:
        buckets = max(BUCKETS, 2 ** math.ceil(math.log2(shards)))
        new = Job(source.url, settings, buckets)
        if _write(target, new, replace=False):
            _note_strength(target, settings)
            return new
        found = existing(target)  # another process was faster
    differences = _differences(found, source, settings)
    if differences and not overwrite:
        raise DataError(
            f"{target.url} holds another job ({', '.join(differences)}): choose another target, or "
            "--overwrite to redo what it made"
        )
    if shards > found.buckets:
        raise DataError(f"this job has {found.buckets} buckets: use at most as many shards")
    if differences:
        found = Job(source.url, settings, found.buckets)
        _write(target, found, replace=True)
        _note_strength(target, settings)
    return found


def _note_strength(target: Place, settings: Settings) -> None:
    """Tell a later `mirnet restore` into the same folder what its plain names stand for."""
    if not isinstance(target, Folder):
        return
    if settings.strength != 1 or (target.path / folder.STRENGTH).exists():
        folder.set_strength(target.path, settings.strength)


def _refuse_other_files(target: Place) -> Job | None:
    """Check that a target without a job is empty; the job that was created meanwhile, if one was.

    Raises:
        DataError: if it holds other files.
    """
    try:
        entry = next(iter(target.list()), None)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if entry is None:
        return None
    found = read(target)
    if found is None:
        raise DataError(
            f"{target.url} holds {entry.name} already, which no job wrote: choose an empty target, "
            "or --overwrite"
        )
    return found


def _write(target: Place, job: Job, *, replace: bool) -> bool:
    text = json.dumps({"version": VERSION, **asdict(job)}, indent=1)
    return target.write(JOB, text.encode(), replace=replace)


def _differences(job: Job, source: Place, settings: Settings) -> list[str]:
    """How a job differs from what is asked for, in words."""
    found = [] if job.source == source.url else [f"source {job.source}"]
    if job.id == settings.id:
        return found
    for field in fields(Settings):
        old, new = getattr(job.settings, field.name), getattr(settings, field.name)
        if field.name == "sha256":
            if old != new and job.settings.model == settings.model:
                found.append(f"other weights in {Path(settings.model).name}")
        elif old != new:
            found.append(f"{field.name} {old}, not {new}")
    return found
