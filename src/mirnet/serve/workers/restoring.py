"""Restoring in a process of its own: it holds each model once, and pictures share it by tiles."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mirnet import runtimes
from mirnet.errors import MirnetError
from mirnet.pictures.source import Source
from mirnet.restoration.layered import Area, Layered
from mirnet.restoration.restored import BORDER, Tally, left_alone
from mirnet.restoration.restorer import Restorer, check
from mirnet.restoration.runtime import Runtime, facts_of
from mirnet.restoration.stitch import Layout
from mirnet.serve.workers import arrays
from mirnet.serve.workers.turnstile import Turnstile, Visitor
from mirnet.serve.workers.worker import Message, Report
from mirnet.shapes import Batch, Result
from mirnet.system import cores

HEAD_START = 64
"""Tiles by which a part that somebody looks at comes before whole pictures."""


class Shared:
    """A runtime as one picture has it: each tile waits for its turn.

    Args:
        runtime: the one that all pictures share.
        turnstile: that of all pictures.
        visitor: this picture.
    """

    def __init__(self, runtime: Runtime, turnstile: Turnstile, visitor: Visitor) -> None:
        self.name, self.facts = runtime.name, facts_of(runtime)
        self._runtime, self._turnstile, self._visitor = runtime, turnstile, visitor

    def __call__(self, batch: Batch) -> Result:
        with self._turnstile.turn(self._visitor):
            return self._runtime(batch)

    def close(self) -> None:
        """Others go on using the runtime."""


class Restoring:
    """The role of a process that restores.

    Args:
        options: the fields of `settings.Engine`, and the cores to keep to.

    Raises:
        MirnetError: if the default model cannot be opened.
    """

    def __init__(self, options: Message) -> None:
        self._options = options
        if options["cores"]:
            os.sched_setaffinity(0, options["cores"])  # threads that start later inherit it
        self._opening = threading.Lock()
        self._runtimes: dict[str, Runtime] = {}
        self._passes: dict[int, Layered] = {}  # by task
        runtime = self._runtime(options["model"])
        self._turnstile = Turnstile(max(1, facts_of(runtime).lanes))

    def facts(self) -> Message:
        """The default model's facts."""
        return {**self._facts(self._options["model"]), "cores": cores.available()}

    def _facts(self, model: str) -> Message:
        runtime = self._runtime(model)
        facts = facts_of(runtime)
        return {
            "runtime": runtime.name,
            "precision": facts.precision,
            "task": facts.task,
            "scale": facts.scale,
            "judges_light": facts.judges_light,
            "parameters": facts.parameters,
        }

    def _describe(self, message: Message, report: Report, visitor: Visitor) -> Message:
        return self._facts(message["model"])

    def tasks(self) -> dict[str, Callable[[Message, Report, Visitor], Message]]:
        """Restore, restore a part first, and tell about a model."""
        return {"restore": self._restore, "region": self._region, "describe": self._describe}

    def cancel(self, visitor: Visitor) -> None:
        """Stop before its next tile."""
        self._turnstile.cancel(visitor)

    def _runtime(self, model: str) -> Runtime:
        """The runtime of a model, opened once however many ask for it at the same time."""
        with self._opening:
            if model not in self._runtimes:
                options = self._options
                opened = runtimes.open(
                    model,
                    runtime=options["runtime"],
                    device=options["device"],
                    threads=options["threads"],
                    precision=options["precision"],
                )
                try:
                    check(facts_of(opened), is_single=True)
                except MirnetError:
                    opened.close()
                    raise
                self._runtimes[model] = opened
            return self._runtimes[model]

    def _restorer(self, message: Message, visitor: Visitor) -> Restorer:
        return Restorer(
            Shared(self._runtime(message["model"]), self._turnstile, visitor),
            tile=self._options["tile"],
            overlap=self._options["overlap"],
            strength=1.0 if message["layers"] else float(message["strength"]),
            self_ensemble=int(message["self_ensemble"]),
        )

    def _restore(self, message: Message, report: Report, visitor: Visitor) -> Message:
        """Restore a decoded picture into an array on disk."""
        started = time.perf_counter()
        folder = Path(message["folder"])
        with self._restorer(message, visitor) as restorer:
            progress = _Progress(restorer, arrays.given(folder), report)
            if message["layers"]:
                tally = self._take_apart(message, folder, restorer, progress)
            else:
                tally = _restore_whole(folder, restorer, progress)
        notes = []
        if tally.kept:
            notes.append(left_alone(tally.kept, tally.tiles))
        return {"seconds": time.perf_counter() - started, "tiles": tally.tiles, "notes": notes}

    def _take_apart(
        self, message: Message, folder: Path, restorer: Restorer, progress: "_Progress"
    ) -> Tally:
        layered, target = _opened(folder, restorer, progress)
        self._passes[message["task"]] = layered
        try:
            for top, removed in layered.bands():
                target[top : top + len(removed)] = removed
                progress.rows(top + len(removed))
        finally:
            del self._passes[message["task"]]
        return layered.tally

    def _region(self, message: Message, report: Report, visitor: Visitor) -> Message:
        """Restore a part, whether its picture is being restored here, will be, or was."""
        visitor.turns -= HEAD_START
        area = Area(*message["area"])
        with self._restorer({**message, "layers": True}, visitor) as restorer:
            layered, target = _opened(Path(message["folder"]), restorer)
            running = self._passes.get(message.get("of", -1))
            if running is not None:
                layered.share(running)
            layered.light()  # not while it is expected: the whole may be about to find it
            with self._turnstile.expecting(visitor):
                removed = layered.removed(area)
        rows = slice(area.top, area.top + area.height)
        target[rows, area.left : area.left + area.width] = removed
        return {}


class _Progress:
    """Tells the server how far a picture is."""

    def __init__(self, restorer: Restorer, original: np.ndarray, report: Report) -> None:
        height, width, _ = original.shape
        facts = restorer.facts
        layout = Layout(
            height,
            width,
            restorer.tile,
            restorer.overlap,
            BORDER,
            multiple=facts.multiple,
            whole=bool(facts.size),
        )
        self._tiles = layout.count if restorer.strength else 1
        self._done = 0
        self._report = report
        self._lock = threading.Lock()
        report({"tiles": self._tiles, "tiles_done": 0})

    def __call__(self, pixels: float) -> None:
        with self._lock:
            self._done = min(self._done + 1, self._tiles)
            done = self._done
        self._report({"tiles": self._tiles, "tiles_done": done})

    def rows(self, count: int) -> None:
        self._report({"rows_done": count})


def _opened(
    folder: Path, restorer: Restorer, progress: _Progress | None = None
) -> tuple[Layered, np.memmap]:
    """A picture to restore in any order, and where what is removed from it belongs."""
    original = arrays.read(folder / arrays.ORIGINAL)
    shown = original if restorer.facts.scale > 1 else None
    layered = Layered(arrays.given(folder), restorer, shown=shown, progress=progress)
    return layered, arrays.create(folder / arrays.REMOVED, (*original.shape[:2], 3), np.float16)


def _restore_whole(folder: Path, restorer: Restorer, progress: _Progress) -> Tally:
    original = arrays.read(folder / arrays.ORIGINAL)
    restored = restorer.restore(Source.of(arrays.given(folder)), progress=progress)
    target = arrays.create(folder / arrays.RESTORED, original.shape, original.dtype)
    top = 0
    for rows in restored.rows():
        target[top : top + len(rows)] = rows
        top += len(rows)
    return restored.tally
