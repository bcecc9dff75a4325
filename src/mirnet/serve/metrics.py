"""What Prometheus reads: counts and times, and no name of any picture."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


class Metrics:
    """Metrics of one server."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "mirnet_requests",
            "Requests answered.",
            ["route", "method", "status"],
            registry=registry,
        )
        self.jobs = Counter("mirnet_jobs", "Jobs by how they ended.", ["state"], registry=registry)
        self.problems = Counter("mirnet_problems", "Problems by code.", ["code"], registry=registry)
        self.queued = Gauge("mirnet_queue_jobs", "Jobs that wait.", registry=registry)
        self.running = Gauge("mirnet_running_jobs", "Jobs that run.", registry=registry)
        self.stage = Histogram(
            "mirnet_stage_seconds",
            "Seconds by stage: upload, wait, decode, restore, encode, view.",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self.megapixels = Counter(
            "mirnet_megapixels", "Megapixels that were restored.", registry=registry
        )
        self.died = Counter(
            "mirnet_workers_died", "Worker processes that died.", ["role"], registry=registry
        )
        self.recycled = Counter(
            "mirnet_workers_recycled", "Worker processes replaced.", ["role"], registry=registry
        )
        self.retried = Counter(
            "mirnet_tasks_retried", "Tasks run again.", ["role"], registry=registry
        )
        self.memory = Gauge(
            "mirnet_worker_bytes", "Memory of worker processes.", ["role"], registry=registry
        )
        self.kept = Gauge("mirnet_kept_bytes", "Bytes of jobs on disk.", registry=registry)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
