"""Let all runtimes restore the same picture in turns."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from mirnet.benchmark import photograph
from mirnet.benchmark.job import Trial
from mirnet.benchmark.plan import BenchmarkPlan
from mirnet.benchmark.process import TrialProcess
from mirnet.benchmark.summary import Run, StageFigures, figures
from mirnet.errors import InferenceError
from mirnet.models import identity
from mirnet.pictures import codec


@dataclass(frozen=True)
class MeasuredTrial:
    """A runtime that completed all rounds."""

    runtime: str
    file: Path | None
    """Path of the model; None if the runtime chose it itself."""
    sha256: str | None
    tile: int
    overlap: int
    tiles: int
    """Tiles of the picture; 0 for a batch."""
    tiles_kept: int
    """Tiles without a usable result."""
    figures: StageFigures
    peak_mb: float | None
    """Peak host memory of its process, in 2^20 bytes; None if unknown."""
    gpu: str | None
    """The name of the device, if PyTorch used one."""
    gpu_peak_mb: float | None


@dataclass(frozen=True)
class FailedTrial:
    """A runtime that failed."""

    runtime: str
    error: str


@dataclass(frozen=True)
class Timings:
    """All results of a benchmark."""

    outcomes: Sequence[MeasuredTrial | FailedTrial]
    """Outcomes in the order of the plan."""
    runs: Sequence[Run]
    """Runs in chronological order."""


@runtime_checkable
class Observer(Protocol):
    """Receives progress events."""

    def begin(self, runtime: str, number: int | None) -> None:
        """A runtime starts (None), or begins this round, as `Run.round` counts."""
        ...

    def done(self, left: int) -> None:
        """Called with the number of runs left, starts included."""
        ...

    def fail(self, failed: FailedTrial) -> None:
        """A runtime failed; the others continue."""
        ...


def measure(plan: BenchmarkPlan, observer: Observer) -> Timings:
    """Start a process for each runtime; let them restore in turns, A B C, A B C, ...; end them.

    All processes exist from the first round to the last, and only one works at a time. So any
    other load on the machine affects all of them alike.

    Raises:
        ImageError: if the picture cannot be written.
        OSError: if a process cannot be started, or the model's file cannot be read.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mirnet-")))
        suffix = codec.FORMATS[plan.format].suffixes[0]
        source = folder / f"photograph{suffix}"
        photograph.write(source, plan.height, plan.width, format=plan.format)
        turns = _Turns(plan, observer)
        for name in plan.files:
            job = Trial(
                model=plan.model,
                runtime=name,
                device=plan.device,
                threads=plan.threads,
                tile=plan.tile,
                overlap=plan.overlap,
                batch=plan.batch,
                source=str(source),
                target=str(folder / f"restored{suffix}"),
            )
            turns.start(name, stack.enter_context(TrialProcess()), job)
        for number in range(1 - plan.warm_up, plan.rounds + 1):
            turns.round(number)
        return turns.result()


class _Turns:
    """The runtimes still taking part, and the results so far."""

    def __init__(self, plan: BenchmarkPlan, observer: Observer) -> None:
        self._plan = plan
        self._observer = observer
        self._workers: dict[str, TrialProcess] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._failures: dict[str, FailedTrial] = {}
        self._runs: dict[str, list[Run]] = {name: [] for name in plan.files}
        self._in_order: list[Run] = []
        rounds = plan.warm_up + plan.rounds
        self._left = dict.fromkeys(plan.files, rounds + 1)  # one more for the start

    def start(self, name: str, worker: TrialProcess, job: Trial) -> None:
        """Let a worker load the model."""
        self._observer.begin(name, None)
        try:
            self._facts[name] = worker.start(job)
            self._workers[name] = worker
        except InferenceError as error:
            self._drop(name, error)
        self._count(name)

    def round(self, number: int) -> None:
        """Run each runtime once that has not failed."""
        for name, worker in list(self._workers.items()):
            self._observer.begin(name, number)
            try:
                answer = worker.run()
            except InferenceError as error:
                self._drop(name, error)
            else:
                runtime = self._facts[name]["runtime"]
                run = Run(runtime, number, answer.pop("seconds"), answer.pop("whole"))
                self._runs[name].append(run)
                self._in_order.append(run)
                self._facts[name] |= answer
            self._count(name)

    def result(self) -> Timings:
        """The results, after the last round."""
        outcomes = [self._failures.get(name) or self._measured(name) for name in self._plan.files]
        return Timings(outcomes, self._in_order)

    def _measured(self, name: str) -> MeasuredTrial:
        facts = dict(self._facts[name])
        gpu = facts.pop("gpu") or {"name": None, "peak_mb": None}
        file = self._plan.files[name]
        return MeasuredTrial(
            **facts,
            file=file,
            sha256=identity.digest(file) if file else None,
            figures=figures(self._runs[name], self._plan.height * self._plan.width),
            gpu=gpu["name"],
            gpu_peak_mb=gpu["peak_mb"],
        )

    def _drop(self, name: str, error: InferenceError) -> None:
        self._workers.pop(name, None)
        self._left[name] = 0
        self._failures[name] = FailedTrial(name, str(error))
        self._observer.fail(self._failures[name])

    def _count(self, name: str) -> None:
        self._left[name] = max(self._left[name] - 1, 0)
        self._observer.done(sum(self._left.values()))
