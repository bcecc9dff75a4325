"""Options of the server, each with a default that is safe on a photographer's machine."""

from dataclasses import dataclass, field
from pathlib import Path

from mirnet.models import catalog
from mirnet.system import cores

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that only this machine reaches."""


@dataclass(frozen=True)
class Limits:
    """What the server takes at most; beyond it a request is refused with a reason."""

    bytes: int = 512 << 20
    """Bytes of one body."""
    megapixels: float = 200.0
    """Megapixels of one picture, by its header, before a pixel is decoded."""
    jobs: int = 512
    """Jobs that wait or run."""
    jobs_per_client: int = 512
    """Jobs that wait or run, of one token."""
    seconds: float = 3600.0
    """Seconds that one job may run."""
    sync_megapixels: float = 50.0
    """Larger pictures are not restored while the client waits: it gets a job."""
    region_megapixels: float = 8.0
    """Megapixels of a part that is restored first, or viewed."""
    keep_gigabytes: float = 20.0
    """Gigabytes that finished jobs may take on disk; the oldest are deleted."""
    keep_hours: float = 12.0
    """Hours after which finished jobs are deleted."""
    free_gigabytes: float = 1.0
    """Gigabytes of the disk that stay free: beyond it nothing is taken."""
    idle_seconds: float = 30.0
    """Seconds without a byte, from or to a client, after which it is dropped."""
    slowest: float = 16 << 10
    """Bytes a second that a body must come with, after the first `idle_seconds`."""
    drain_seconds: float = 25.0
    """Seconds that running jobs get after SIGTERM."""


@dataclass(frozen=True)
class Engine:
    """How the worker processes restore; see `mirnet.load`."""

    model: str = catalog.DEFAULT
    """Model used where a request names none: a name of the catalogue, or a file."""
    others: tuple[str, ...] = ()
    """Further models that requests may name; those of the catalogue may be named anyway."""
    device: str = "auto"
    runtime: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    """CPU threads of each restoring process; None for its share of the cores."""
    workers: int = 0
    """Restoring processes; 0 for one per `CORES_PER_WORKER` cores."""
    tile: int | None = None
    overlap: int | None = None
    recycle_jobs: int = 500
    """Jobs after which a process is replaced, so that its memory is given back."""
    recycle_megabytes: int = 1500
    """Growth of a process, since it was ready, after which it is replaced."""
    memory_gigabytes: float | None = None
    """Gigabytes of memory that a process may take; None for its share of the machine's."""

    @property
    def models(self) -> tuple[str, ...]:
        """All models that were given, the default first."""
        return self.model, *self.others

    @property
    def processes(self) -> int:
        """Number of restoring processes."""
        return self.workers or max(1, cores.available() // CORES_PER_WORKER)


CORES_PER_WORKER = 16
"""A runtime keeps this many cores busy; see docs/serving.md."""

RUNNING = 6
"""Jobs that one restoring process works on at a time: while one is read or written, others use the
network."""


@dataclass(frozen=True)
class Settings:
    """Everything that one server is started with."""

    host: str = "127.0.0.1"
    port: int = 8000
    tokens: tuple[str, ...] = ()
    """Secrets that clients may present; each is a client of its own."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names by which this server may be addressed."""
    data: Path = Path("mirnet-serve")
    """Folder for what clients send and get: private, and emptied at start."""
    limits: Limits = field(default_factory=Limits)
    engine: Engine = field(default_factory=Engine)

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the server."""
        return self.host in LOOPBACK or self.host.startswith("127.")
