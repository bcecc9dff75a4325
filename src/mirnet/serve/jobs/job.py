"""One job: a picture on its way, as clients see it."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from mirnet.restoration.layered import Area
from mirnet.restoration.strength import REACH
from mirnet.serve.problems import Problem
from mirnet.serve.workers.pool import Ticket

State = Literal["queued", "running", "done", "failed", "cancelled"]

FINAL = ("done", "failed", "cancelled")

REPLAYED = 512
"""Events kept for clients that come back."""

AT_LEAST = 0.1
"""Seconds between two events of progress."""

HEARTBEAT = 15.0
"""Seconds without an event after which a comment shows that the connection lives."""


@dataclass(frozen=True)
class Options:
    """What a client wants done."""

    model: str
    self_ensemble: int = 1
    strength: float = 1.0
    layers: bool = False
    """Whether what is removed is kept, so that the strength can be chosen afterwards."""


@dataclass(frozen=True)
class Upload:
    """A body on disk."""

    folder: Path
    name: str
    """Name of the file in it: ours."""
    size: int
    digest: str
    """SHA-256."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a job."""

    number: int
    kind: Literal["state", "progress", "region"]
    data: dict[str, Any]


@dataclass(eq=False)
class Job:
    """A picture on its way."""

    id: str
    client: str
    name: str
    """What the client calls it: only ever sent back."""
    options: Options
    upload: Upload
    width: int
    height: int
    """Size of the result: views and parts are counted in its pixels."""
    format: str
    """Format of the result if none is asked for."""
    formats: list[str]
    """Formats that can hold the picture."""
    has_alpha: bool = False
    """Whether parts of the picture are transparent, as far as its header says."""
    scale: int = 1
    """Ratio of the result's height and width to the picture's."""
    judges_light: bool = False
    """Whether the model does: strengths of what it changes are plain means."""
    is_hidden: bool = False
    """Whether it belongs to a request that waits for it, and is in no list."""
    hours: float = 1.0
    """Hours that it is kept once it is finished."""

    state: State = "queued"
    tiles: int = 0
    tiles_done: int = 0
    rows_done: int = 0
    notes: list[str] = field(default_factory=list)
    problem: dict[str, Any] | None = None
    region: dict[str, Any] | None = None
    is_decoded: bool = False
    created: float = field(default_factory=time.time)
    started: float | None = None
    finished: float | None = None
    restoring_since: float | None = None
    was_fetched: bool = False
    """Whether the result was sent at least once."""
    ticket: Ticket = field(default_factory=Ticket)
    work: asyncio.Task[None] | None = None
    decoding: asyncio.Lock = field(default_factory=asyncio.Lock)
    encoding: asyncio.Lock = field(default_factory=asyncio.Lock)
    areas: list[Area] = field(default_factory=list)
    """Parts that were restored first."""
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=REPLAYED))
    _numbers: int = 0
    _told: float = 0.0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.tell("state")

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.upload.folder

    @property
    def megapixels(self) -> float:
        """Megapixels of the result."""
        return self.width * self.height / 1e6

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL

    def to_json(self) -> dict[str, Any]:
        """The job as clients see it."""
        progress = self.tiles_done / self.tiles if self.tiles else 0.0
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "progress": 1.0 if self.state == "done" else round(progress, 4),
            "tiles_done": self.tiles_done,
            "tiles": self.tiles,
            "width": self.width,
            "height": self.height,
            "scale": self.scale,
            "megapixels": round(self.megapixels, 3),
            "bytes": self.upload.size,
            "model": self.options.model,
            "self_ensemble": self.options.self_ensemble,
            "layers": self.options.layers,
            "strength": None if self.options.layers else self.options.strength,
            "seconds": self._seconds(),
            "eta_seconds": self._eta(),
            "notes": self.notes,
            "problem": self.problem,
            "region": self.region,
            "format": self.format,
            "formats": self.formats,
            "has_alpha": self.has_alpha,
            "created": _iso(self.created),
            "expires": self.finished and _iso(self.finished + 3600 * self.hours),
        }

    def tell(self, kind: Literal["state", "progress", "region"]) -> None:
        """Let everyone who listens know; progress not too often."""
        now = time.monotonic()
        if kind == "progress":
            if now - self._told < AT_LEAST and self.tiles_done < self.tiles:
                return
            self._told = now
        self._numbers += 1
        self.events.append(Event(self._numbers, kind, self.to_json()))
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def enter(self, state: State, problem: Problem | None = None) -> None:
        """Go over into a state; a final one stays."""
        if self.is_final:
            return
        self.state = state
        self.problem = problem.to_json() if problem else None
        if state == "running":
            self.started = time.time()
        if state in FINAL:
            self.finished = time.time()
        self.tell("state")

    def progress(self, event: dict[str, Any]) -> None:
        """Take what the worker tells."""
        if self.is_final:
            return
        if self.restoring_since is None:
            self.restoring_since = time.time()
        self.tiles = event.get("tiles", self.tiles)
        self.tiles_done = event.get("tiles_done", self.tiles_done)
        self.rows_done = max(self.rows_done, event.get("rows_done", 0))
        if "tiles_done" in event:
            self.tell("progress")

    def has(self, area: Area) -> bool:
        """Whether the result of this part is known, with all that a strength below 1 looks at."""
        if self.state == "done":
            return True
        around = area.within(self.height, self.width, margin=REACH)
        if around.top + around.height <= self.rows_done:
            return True
        return any(_contains(one, around) for one in self.areas)

    async def follow(self, after: int = 0) -> AsyncIterator[Event | None]:
        """Events from the one after this number on, until the last; None is a heartbeat."""
        while True:
            changed = self._changed
            for event in [event for event in self.events if event.number > after]:
                after = event.number
                yield event
            if self.is_final and after >= self._numbers:
                return
            try:
                await asyncio.wait_for(changed.wait(), HEARTBEAT)
            except TimeoutError:
                yield None

    async def finish(self) -> None:
        """Wait until it is in a final state."""
        while not self.is_final:
            await self._changed.wait()

    def _seconds(self) -> float:
        if self.started is None:
            return 0.0
        return round((self.finished or time.time()) - self.started, 3)

    def _eta(self) -> float | None:
        if self.state != "running" or not self.tiles_done or self.restoring_since is None:
            return None
        spent = time.time() - self.restoring_since
        return round(spent / self.tiles_done * (self.tiles - self.tiles_done), 1)


def _contains(outer: Area, inner: Area) -> bool:
    return (
        outer.top <= inner.top
        and outer.left <= inner.left
        and outer.top + outer.height >= inner.top + inner.height
        and outer.left + outer.width >= inner.left + inner.width
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
