"""What can be done with a job's picture, each by worker processes.

A step waits until another one has made what it needs, and is done once however many ask for it.
"""

import asyncio
import hashlib
import os
import time
from pathlib import Path
from typing import Any

from mirnet.models import catalog, header
from mirnet.restoration.layered import Area
from mirnet.restoration.strength import REACH
from mirnet.serve.jobs.job import Job
from mirnet.serve.jobs.store import Store
from mirnet.serve.metrics import Metrics
from mirnet.serve.problems import Problem
from mirnet.serve.settings import Settings
from mirnet.serve.workers import plans
from mirnet.serve.workers.pool import Pool, Ticket

RESULTS = 4
"""Written results kept for each job, in other formats or strengths."""


class Studio:
    """The worker processes of one server, and what they do for jobs.

    Args:
        settings: of the server.
        metrics: counts and times what is done.
        store: where the files of jobs are.
    """

    def __init__(self, settings: Settings, metrics: Metrics, store: Store) -> None:
        self.settings, self.limits = settings, settings.limits
        self.metrics, self.store = metrics, store
        self.known: dict[str, dict[str, Any]] = {}
        """Facts of models, as far as somebody asked; see `facts`."""
        self.restoring = Pool(plans.restoring(settings.engine), metrics)
        self.files = Pool(plans.files(self.limits.megapixels), metrics)
        self.views = Pool(plans.views(), metrics)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The processes of each role."""
        return self.restoring, self.files, self.views

    @property
    def is_ready(self) -> bool:
        """Whether there is a process for every role."""
        return all(pool.is_ready for pool in self.pools)

    def start(self) -> None:
        """Start the processes."""
        for pool in self.pools:
            pool.start()

    async def close(self) -> None:
        """End the processes."""
        await asyncio.gather(*(pool.close() for pool in self.pools))

    async def facts(self, model: str) -> dict[str, Any]:
        """What a model declares, as far as jobs ask; a process that restores tells it of files.

        Args:
            model: a name of the catalogue, or a file.

        Raises:
            Problem: if it cannot be opened, or is none that the server restores with.
        """
        if model not in self.known:
            bundled = catalog.find(model)
            if bundled:
                facts = (await asyncio.to_thread(header.read, bundled.weights())).facts
                told = {
                    "task": facts.task,
                    "scale": facts.scale,
                    "judges_light": facts.judges_light,
                    "parameters": facts.parameters,
                }
            else:
                told = await self.restoring.run({"do": "describe", "model": model})
            self.known[model] = told
        return self.known[model]

    async def inspect(self, upload: Path, scale: int) -> dict[str, Any]:
        """Format of a picture, and the size of its result, from its header alone.

        Args:
            upload: its file.
            scale: ratio of the result's height and width to the picture's.

        Raises:
            Problem: if it is none, or too large.
        """
        task = {"do": "inspect", "path": str(upload), "megapixels": self.limits.megapixels}
        return await self.files.run({**task, "scale": scale})

    async def decode(self, job: Job) -> None:
        """Have the pixels of a job's picture on disk.

        Raises:
            Problem: if the file is damaged, or the disk full.
        """
        async with job.decoding:
            if job.state == "cancelled":
                raise Problem("cancelled", "the job was cancelled, and its files are deleted")
            if job.is_decoded:
                return
            # the original, its opacity, what is removed of it, and a result
            self.store.check_space(round(job.megapixels * 1e6) * 13)
            with self.metrics.stage.labels("decode").time():
                facts = await self.files.run(
                    {
                        "do": "decode",
                        "folder": str(job.folder),
                        "upload": job.upload.name,
                        "scale": job.scale,
                        "megapixels": self.limits.megapixels,
                    }
                )
            job.width, job.height = facts["width"], facts["height"]
            job.notes = [*job.notes, *facts["notes"]]
            job.is_decoded = True

    async def region(self, job: Job, area: Area) -> None:
        """Restore a part of a picture first.

        Raises:
            Problem: if it cannot be.
        """
        record: dict[str, Any] = {
            "x": area.left,
            "y": area.top,
            "width": area.width,
            "height": area.height,
        }
        job.region = {**record, "state": "running"}
        job.tell("region")
        state = "failed"
        try:
            await self.decode(job)
            around = area.within(job.height, job.width, margin=REACH)
            if not job.has(area):
                task = {**self._task(job, "region"), "area": _listed(around)}
                process = job.ticket.process
                if process and process.is_alive:  # where its other tiles are
                    task["of"] = job.ticket.number
                    await process.run(task)
                else:
                    await self.restoring.run(task)
                job.areas.append(around)
            state = "done"
        except asyncio.CancelledError:
            state = "cancelled"
            raise
        finally:
            if job.region and all(job.region[key] == value for key, value in record.items()):
                job.region = {**record, "state": state}
                job.tell("region")

    async def view(
        self, job: Job, area: Area, *, which: str, strength: float, scale: float, format: str
    ) -> bytes:
        """A part of a picture for the screen.

        Raises:
            Problem: if it is not restored yet.
        """
        if which == "before" or job.state == "cancelled":
            await self.decode(job)
        elif not job.options.layers and job.state != "done":
            raise Problem("not_ready", "this job is not restored yet", retry_after=1)
        elif not job.has(area):
            raise Problem("not_ready", "this part is not restored yet", retry_after=1)
        target = job.folder / f".view-{os.urandom(8).hex()}"
        try:
            with self.metrics.stage.labels("view").time():
                await self.views.run(
                    {
                        "do": "view",
                        "folder": str(job.folder),
                        "target": str(target),
                        "area": _listed(area),
                        "which": which,
                        "layers": job.options.layers,
                        "judges_light": job.judges_light,
                        "strength": strength,
                        "scale": scale,
                        "webp": format == "webp",
                        "near": self.settings.is_local,
                    }
                )
                return await asyncio.to_thread(target.read_bytes)
        finally:
            target.unlink(missing_ok=True)

    async def thumbnail(self, job: Job, side: int) -> Path:
        """A small version of the original."""
        path = job.folder / "thumbnail.jpg"
        if job.state == "cancelled":
            raise Problem("cancelled", "the job was cancelled, and its files are deleted")
        if not path.exists():
            await self.files.run(
                {
                    "do": "thumbnail",
                    "folder": str(job.folder),
                    "upload": job.upload.name,
                    "is_decoded": job.is_decoded,
                    "side": side,
                }
            )
        return path

    async def result(self, job: Job, *, strength: float, format: str, quality: int | None) -> Path:
        """The restored file.

        Raises:
            Problem: if there is none, or the format cannot hold it.
        """
        if job.state != "done":
            if job.problem:
                raise Problem(job.problem["code"], job.problem["detail"])
            raise Problem("not_ready", f"this job is {job.state}", retry_after=1)
        if not job.options.layers and strength != job.options.strength:
            raise Problem(
                "no_layers",
                f"this job was restored at strength {job.options.strength:g}: put it with "
                "keep=layers to choose another one afterwards",
            )
        if format not in job.formats:
            raise Problem(
                "bad_option",
                f"{format} cannot hold this picture: choose one of {', '.join(job.formats)}",
            )
        key = hashlib.sha256(f"{strength!r} {format} {quality}".encode()).hexdigest()[:16]
        target = job.folder / f"result-{key}.{format}"
        async with job.encoding:
            if not target.exists():
                kept = sorted(job.folder.glob("result-*"), key=lambda path: path.stat().st_mtime)
                for path in kept[: -RESULTS + 1 or None] if len(kept) >= RESULTS else []:
                    path.unlink(missing_ok=True)
                self.store.check_space(round(job.megapixels * 1e6) * 6)
                with self.metrics.stage.labels("encode").time():
                    facts = await self.files.run(
                        {
                            "do": "encode",
                            "folder": str(job.folder),
                            "upload": job.upload.name,
                            "scale": job.scale,
                            "target": str(target),
                            "strength": strength,
                            "layers": job.options.layers,
                            "judges_light": job.judges_light,
                            "format": format,
                            "quality": quality,
                        }
                    )
                job.notes = list(dict.fromkeys([*job.notes, *facts["notes"]]))
            return target

    async def restore(self, job: Job) -> float:
        """Restore a picture; returns the seconds that it took without decoding.

        Raises:
            Problem: if it cannot be restored.
        """
        await self.decode(job)
        job.ticket = Ticket()
        started = time.perf_counter()
        with self.metrics.stage.labels("restore").time():
            task = self._task(job, "restore")
            facts = await self.restoring.run(task, job.progress, ticket=job.ticket)
        job.notes = [*job.notes, *facts["notes"]]
        job.tiles_done = job.tiles = facts["tiles"] or job.tiles
        return time.perf_counter() - started

    def _task(self, job: Job, what: str) -> dict[str, Any]:
        return {
            "do": what,
            "folder": str(job.folder),
            "model": job.options.model,
            "self_ensemble": job.options.self_ensemble,
            "strength": job.options.strength,
            "layers": job.options.layers,
        }


def _listed(area: Area) -> list[int]:
    return [area.top, area.left, area.height, area.width]
