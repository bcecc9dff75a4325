"""A process that restores one picture after the other, and may die of one.

One JSON object a line: the first line of standard input is a `Brief`, the others are tasks; answers
go to standard output. The process ends with its input, even in the middle of a picture, so it never
outlives its parent.

    {"task": {...}, "smaller": false}
    {"ready": {...}}   {"done": {...}}   {"failed": {"reason": ..., "error": ...}}
"""

import json
import logging
import os
import platform
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Queue
from typing import Any

from mirnet import api
from mirnet.cluster.job import Settings, digest
from mirnet.cluster.places import Place, open_place
from mirnet.cluster.places import digest as digest_file
from mirnet.cluster.plan import Task
from mirnet.errors import ImageError, InferenceError, MirnetError, WeightsError
from mirnet.pictures.codec import File
from mirnet.pictures.vips import shown
from mirnet.restoration import restored, tiles
from mirnet.restoration.restorer import Restorer
from mirnet.system import files, memory, streams

START = "from mirnet.cluster.child import main; main()"

CLOSING = 1.0
"""Seconds that a process has to tidy up after the end of its input."""

Message = dict[str, Any]


@dataclass(frozen=True)
class Brief:
    """What a process needs to know before its first picture."""

    source: str
    """Address of the source."""
    target: str
    """Address of the target."""
    settings: Settings
    threads: int | None = None
    """CPU threads; None for all cores."""
    memory: int | None = None
    """Bytes that a picture may take."""
    store_seconds: float = 180.0
    """Seconds for which requests to an object store are repeated."""

    def to_json(self) -> str:
        """The line that `of` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> "Brief":
        """Read the line that `to_json` wrote."""
        found = json.loads(line)
        return cls(**{**found, "settings": Settings(**found["settings"])})


def main() -> None:
    """Restore what standard input asks for, until it ends."""
    results = os.fdopen(streams.take_stdout(), "w", encoding="utf-8")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when it ends
    memory.die_first()
    logging.basicConfig(level=logging.ERROR)

    def answer(message: Message) -> None:
        results.write(json.dumps(message) + "\n")
        results.flush()

    brief = Brief.of(sys.stdin.readline())
    lines: Queue[str | None] = Queue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    try:
        worker = Worker(brief)
    except (MirnetError, OSError, MemoryError) as error:
        answer({"failed": {"reason": "start", "error": _told(error)}})
        return
    with worker:
        memory.limit(brief.memory)
        answer({"ready": {"runtime": worker.runtime}})
        while (line := lines.get()) is not None:
            message = json.loads(line)
            answer(worker.answer(Task(**message["task"]), is_smaller=message["smaller"]))


def _listen(lines: "Queue[str | None]") -> None:
    """Pass on lines of standard input; soon after its end, end the process whatever it is doing."""
    for line in sys.stdin:
        lines.put(line)
    lines.put(None)
    time.sleep(CLOSING)
    os._exit(0)


class Worker:
    """Restores pictures of one source into one target.

    Args:
        brief: what to use.

    Raises:
        MirnetError: if the model cannot be opened, or is another than the job's.
        OSError: if a place cannot be opened.
    """

    def __init__(self, brief: Brief) -> None:
        settings = brief.settings
        if digest(settings.model) != settings.sha256:
            raise WeightsError(
                f"{settings.model} on {platform.node()} has other weights than where the job "
                "began: copy the file, or install the same version of mirnet"
            )
        self._settings = settings
        self._source = open_place(brief.source, store_seconds=brief.store_seconds)
        self._target: Place = open_place(brief.target, store_seconds=brief.store_seconds)
        self._restorer = _load(settings, brief.threads)
        self._whole_tile = self._restorer.largest
        facts = self._restorer.facts
        self.runtime = f"{self._restorer.runtime.name} {facts.precision}"
        """Name of the runtime, and its precision."""
        folder = self._target.work_folder()
        files.remove_stale(folder)
        self._hidden = files.hidden_folder(folder)
        self._folder = self._hidden.__enter__()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._hidden.__exit__(None, None, None)
        self._restorer.close()

    def answer(self, task: Task, *, is_smaller: bool = False) -> Message:
        """Restore one picture.

        Args:
            task: the picture.
            is_smaller: use tiles of half the side.

        Returns:
            Fields of its row under `done`, or reason and error under `failed`.
        """
        try:
            return {"done": self._restore(task, is_smaller)}
        except (MirnetError, OSError, MemoryError) as error:
            return {"failed": {"reason": _reason(error), "error": _told(error)}}
        except Exception as error:  # a mistake of ours should cost one picture, not the job
            logging.exception("unexpected error")
            told = f"{type(error).__name__}: {error}"
            return {"failed": {"reason": "internal", "error": f"{shown(task.path)}: {told}"}}
        finally:
            for path in self._folder.iterdir():
                path.unlink(missing_ok=True)

    def _restore(self, task: Task, is_smaller: bool) -> Message:
        started = time.perf_counter()
        restorer = self._restorer
        # a picture that needed smaller tiles must not change those that come after it
        restorer.largest = _half(restorer) if is_smaller else self._whole_tile
        path, fingerprint = self._source.fetch(task.path, self._folder)
        result = restorer.restore(File(path, shown(task.path)))
        picture = result.source
        part = self._folder / f"result{Path(task.target).suffix}"
        result.write(part, format=self._settings.format, quality=self._settings.quality)
        sha256, size = digest_file(part)
        if not self._target.send(part, task.target, replace=task.replace):
            # it was written by a worker that died before it could say so
            sha256, size = self._target.digest(task.target)
        return {
            "fingerprint": fingerprint,
            "seconds": time.perf_counter() - started,
            "megapixels": picture.height * picture.width / 1e6,
            "sha256": sha256,
            "bytes": size,
            "tile": restorer.largest,
            "notes": "; ".join(_notes(result)),
            "runtime": self.runtime,
        }


def _load(settings: Settings, threads: int | None) -> Restorer:
    return api.load(
        settings.model,
        device=settings.device,
        runtime=settings.runtime,
        tile=settings.tile,
        overlap=settings.overlap,
        strength=settings.strength,
        self_ensemble=settings.self_ensemble,
        threads=threads,
        precision=settings.precision,
        local=settings.local,
        whole=settings.whole,
        grain=settings.grain,
        grain_seed=settings.grain_seed,
    )


def _half(restorer: Restorer) -> int:
    """Half the side of the tiles, as far as the model takes it."""
    multiple = restorer.facts.multiple
    if restorer.facts.size:
        return restorer.largest
    return max(tiles.round_up(restorer.tile // 2, multiple), restored.SMALLEST_TILE, 2 * multiple)


def _notes(result: restored.Restored) -> list[str]:
    notes = list(result.notes)
    if result.tally.kept:
        notes.append(restored.left_alone(result.tally.kept, result.tally.tiles))
    return notes


def _reason(error: Exception) -> str:
    """The kind of a failure; see `hands.REASONS`."""
    text = str(error)
    if isinstance(error, MemoryError) or "not enough memory" in text or "out of memory" in text:
        return "memory"
    if isinstance(error, OSError) or "No space left" in text or "quota" in text:
        return "io"
    if isinstance(error, ImageError):
        return "picture"
    return "inference" if isinstance(error, InferenceError) else "unsuitable"


def _told(error: Exception) -> str:
    """The error as one line."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{shown(os.fsdecode(error.filename))}: {error.strerror}"
    return str(error) or "not enough memory"
