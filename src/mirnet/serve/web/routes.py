"""The HTTP API: what each route takes and answers. No picture is touched here."""

import asyncio
import contextlib
import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.types import Receive

from mirnet.restoration.layered import Area
from mirnet.serve.jobs import store
from mirnet.serve.jobs.board import Board
from mirnet.serve.jobs.job import Job, Options
from mirnet.serve.problems import Problem
from mirnet.serve.web import bodies, catalogue, examples
from mirnet.serve.web.formats import MEDIA_TYPES, disposition, wanted

router = APIRouter()

LONGEST_NAME = 1000
"""Characters of a name that a client gives."""

THUMBNAIL = 256
"""Long side of a thumbnail."""

LOADING = 10.0
"""Seconds that the list of models waits for one that is still being loaded."""

Strength = Annotated[float, Query(ge=0, le=1, description="0 the original, 1 the full result.")]
Views = Annotated[int, Query(ge=1, le=8, description="Average this many turned views.")]
Quality = Annotated[int | None, Query(ge=1, le=100, description="Of JPEG, WebP and AVIF.")]
Format = Annotated[str | None, Query(max_length=10, description="jpeg, png, tiff, webp or avif.")]
Model = Annotated[str | None, Query(max_length=200, description="A name of /v1/models.")]
Name = Annotated[str, Query(max_length=LONGEST_NAME, description="Only sent back.")]
Pixel = Annotated[int, Query(ge=0, le=1_000_000)]
Side = Annotated[int, Query(ge=1, le=1_000_000)]


def _board(request: Request) -> Board:
    board: Board = request.app.state.board
    return board


def _client(request: Request) -> str:
    client: str = request.state.client
    return client


@router.get("/healthz", tags=["health"])
async def healthz() -> dict[str, str]:
    """Whether the server is alive: also while it starts, works or stops."""
    return {"status": "alive"}


@router.get("/readyz", tags=["health"], responses=examples.NOT_READY)
async def readyz(request: Request) -> JSONResponse:
    """Whether it takes new jobs: the model is loaded, and it does not stop."""
    board = _board(request)
    if board.is_ready:
        return JSONResponse({"status": "ready"})
    why = "draining" if board.is_draining else board.studio.restoring.failure or "loading the model"
    return JSONResponse({"status": "not ready", "why": why}, 503)


@router.get("/metrics", tags=["health"])
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus."""
    text = _board(request).metrics.text()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/v1/models", tags=["models"], responses=examples.MODELS)
async def models(request: Request) -> dict[str, Any]:
    """Models, formats and limits."""
    board = _board(request)
    studio = board.studio
    for model in board.settings.engine.models:
        # a job that names it is told what is wrong, or waits until it is loaded
        with contextlib.suppress(Problem, TimeoutError):
            await asyncio.wait_for(studio.facts(model), LOADING)
    return catalogue.describe(board.settings, studio.known)


@router.post(
    "/v1/restore", tags=["restore"], responses=examples.RESTORE, openapi_extra=examples.BODY
)
async def restore(
    request: Request,
    model: Model = None,
    strength: Strength = 1.0,
    self_ensemble: Views = 1,
    format: Format = None,
    quality: Quality = None,
    name: Name = "",
) -> Response:
    """Restore a picture and send it back; or, if asked for or if it is large, a job."""
    board = _board(request)
    options = Options(_known(board, model), self_ensemble, strength)
    prefers = [word.strip() for word in request.headers.get("prefer", "").lower().split(",")]
    job = await _take(request, str(uuid.uuid4()), options, name, is_hidden=True)
    try:
        accept = request.headers.get("accept", "*/*")
        is_job = "respond-async" in prefers or job.megapixels > board.limits.sync_megapixels
        if not is_job or format:
            format = wanted(format, accept, job.format, job.formats)
        if is_job:
            job.is_hidden = False
            board.add(job)
            headers = {"Location": f"/v1/jobs/{job.id}"}
            if "respond-async" in prefers:
                headers["Preference-Applied"] = "respond-async"
            return JSONResponse(job.to_json(), 202, headers=headers)
        board.add(job)
        await _while_connected(request.receive, job.finish())
        assert format
        path = await board.studio.result(job, strength=strength, format=format, quality=quality)
        return _Sent(board, job, path, format)
    except BaseException:
        await asyncio.shield(asyncio.create_task(board.remove(job)))
        raise


@router.put(
    "/v1/jobs/{id}",
    tags=["jobs"],
    status_code=202,
    responses=examples.JOB,
    openapi_extra=examples.BODY,
)
async def put_job(
    request: Request,
    id: uuid.UUID,
    model: Model = None,
    strength: Strength = 1.0,
    self_ensemble: Views = 1,
    keep: Annotated[
        Literal["layers"] | None, Query(description="For another strength later.")
    ] = None,
    name: Name = "",
) -> JSONResponse:
    """Make a job of a body. The same id and body again give the same job, another body none."""
    board, client = _board(request), _client(request)
    is_layered = keep == "layers"
    options = Options(
        _known(board, model), self_ensemble, 1.0 if is_layered else strength, is_layered
    )
    existing = board.jobs.get((client, str(id)))
    job = await _take(request, str(id), options, name, existing=existing)
    known = board.jobs.get((client, str(id)))
    if known is not None:  # perhaps since this body began to come
        if job is not known:
            await asyncio.to_thread(store.remove, job.folder)
            if (known.upload.digest, known.options) != (job.upload.digest, job.options):
                raise Problem("conflict", "this id is that of another job: make a new one")
        return JSONResponse(known.to_json(), 200)
    board.add(job)
    return JSONResponse(job.to_json(), 202, headers={"Location": f"/v1/jobs/{job.id}"})


@router.get("/v1/jobs", tags=["jobs"])
async def list_jobs(request: Request) -> dict[str, Any]:
    """The jobs of this client."""
    return {"jobs": [job.to_json() for job in _board(request).of(_client(request))]}


@router.get("/v1/jobs/{id}", tags=["jobs"], responses=examples.JOB)
async def get_job(request: Request, id: uuid.UUID) -> dict[str, Any]:
    """One job."""
    return _job(request, id).to_json()


@router.delete("/v1/jobs/{id}", tags=["jobs"], status_code=204)
async def delete_job(request: Request, id: uuid.UUID) -> Response:
    """Cancel a job, within a tile; or delete one that is finished, with its files."""
    await _board(request).delete(_job(request, id))
    return Response(status_code=204)


@router.get("/v1/jobs/{id}/events", tags=["jobs"], responses=examples.EVENTS)
async def events(request: Request, id: uuid.UUID) -> StreamingResponse:
    """Server-sent events until the job is in a final state."""
    job = _job(request, id)
    last = request.headers.get("last-event-id", "")
    after = int(last) if last.isdecimal() and len(last) < 12 else 0
    return StreamingResponse(
        _stream(job, after),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
    )


@router.post("/v1/jobs/{id}/region", tags=["jobs"], status_code=202)
async def region(
    request: Request, id: uuid.UUID, x: Pixel, y: Pixel, width: Side, height: Side
) -> JSONResponse:
    """Restore a part of the picture first; an event tells when it can be viewed."""
    job = _job(request, id)
    if not job.options.layers:
        raise Problem("no_layers", "only jobs that were put with keep=layers restore a part first")
    if job.state in ("failed", "cancelled"):
        raise Problem("not_ready", f"this job is {job.state}")
    area = _area(request, job, x, y, width, height)
    board: Board = request.app.state.board
    tasks: dict[str, asyncio.Task[None]] = request.app.state.regions
    previous = tasks.pop(job.id, None)
    if previous:  # somebody looks elsewhere now
        previous.cancel()
    tasks[job.id] = task = asyncio.create_task(_quietly(board.studio.region(job, area)))
    task.add_done_callback(lambda done: tasks.pop(job.id) if tasks.get(job.id) is done else None)
    await asyncio.sleep(0)
    return JSONResponse(job.to_json(), 202)


@router.get("/v1/jobs/{id}/view", tags=["jobs"], responses=examples.VIEW)
async def view(
    request: Request,
    id: uuid.UUID,
    x: Pixel,
    y: Pixel,
    width: Side,
    height: Side,
    scale: Annotated[float, Query(gt=0, le=1)] = 1.0,
    which: Literal["before", "after"] = "after",
    strength: Strength = 1.0,
) -> Response:
    """A part of the picture for the screen, in sRGB: the pixels of the result at this strength."""
    job = _job(request, id)
    area = _area(request, job, x, y, width, height, scale)
    is_webp = "image/webp" in request.headers.get(
        "accept", ""
    ) and "png" not in request.headers.get("accept", "")
    format = "webp" if is_webp else "png"
    told = f"{job.folder.name} {area} {scale!r} {which} {strength!r} {format}"
    headers = {
        "ETag": f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"',
        "Cache-Control": "private, max-age=3600",
        "Vary": "Accept, Authorization, Cookie",
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = await _board(request).studio.view(
        job, area, which=which, strength=strength, scale=scale, format=format
    )
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)


@router.get("/v1/jobs/{id}/thumbnail", tags=["jobs"])
async def thumbnail(request: Request, id: uuid.UUID) -> Response:
    """A small JPEG of the original."""
    path = await _board(request).studio.thumbnail(_job(request, id), THUMBNAIL)
    headers = {"Cache-Control": "private, max-age=3600", "Vary": "Authorization, Cookie"}
    return FileResponse(path, media_type="image/jpeg", headers=headers)


@router.get("/v1/jobs/{id}/result", tags=["jobs"], responses=examples.RESULT)
async def result(
    request: Request,
    id: uuid.UUID,
    strength: Annotated[float | None, Query(ge=0, le=1)] = None,
    format: Format = None,
    quality: Quality = None,
) -> Response:
    """The restored file, with all that the original carries."""
    job, board = _job(request, id), _board(request)
    chosen = wanted(format, request.headers.get("accept", "*/*"), job.format, job.formats)
    strength = job.options.strength if strength is None else strength
    path = await board.studio.result(job, strength=strength, format=chosen, quality=quality)
    job.was_fetched = True
    return FileResponse(
        path,
        media_type=MEDIA_TYPES[chosen],
        headers={"Content-Disposition": disposition(job.name, chosen)},
    )


class _Sent(FileResponse):
    """The file of a job that nobody needs once it is sent, or the client is gone."""

    def __init__(self, board: Board, job: Job, path: Path, format: str) -> None:
        super().__init__(
            path,
            media_type=MEDIA_TYPES[format],
            headers={"Content-Disposition": disposition(job.name, format)},
        )
        self._board, self._job = board, job
        if job.notes:
            self.headers["X-Mirnet-Notes"] = (
                "; ".join(job.notes).encode("ascii", "replace").decode()
            )

    async def __call__(self, *arguments: Any) -> None:  # noqa: ANN401
        try:
            await super().__call__(*arguments)
        finally:
            await asyncio.shield(asyncio.create_task(self._board.remove(self._job)))


async def _take(
    request: Request,
    id: str,
    options: Options,
    name: str,
    *,
    is_hidden: bool = False,
    existing: Job | None = None,
) -> Job:
    """The job that a body makes, not queued yet; the existing one if it is the same."""
    board, client = _board(request), _client(request)
    limits = board.limits
    bodies.check_length(request.headers.get("content-length"), limits)
    place = contextlib.nullcontext() if existing else board.place(client)
    with place:
        folder = board.store.folder()
        try:
            with board.metrics.stage.labels("upload").time():
                received = await bodies.receive(
                    bodies.pieces(request.receive, limits),
                    folder,
                    request.headers.get("content-type", ""),
                    name,
                    limits,
                )
            if existing and existing.upload.digest == received.upload.digest:
                if existing.options == options:
                    await asyncio.to_thread(store.remove, folder)
                    return existing
                raise Problem("conflict", "this id is that of a job with other options")
            model = await board.studio.facts(options.model)
            facts = await board.studio.inspect(folder / received.upload.name, model["scale"])
        except BaseException:
            await asyncio.shield(asyncio.to_thread(store.remove, folder))
            raise
    return Job(
        id,
        client,
        name or received.name[:LONGEST_NAME],
        options,
        received.upload,
        facts["width"],
        facts["height"],
        facts["format"],
        facts["formats"],
        facts["has_alpha"],
        model["scale"],
        model["judges_light"],
        is_hidden=is_hidden,
        hours=limits.keep_hours,
    )


def _known(board: Board, model: str | None) -> str:
    """The model asked for. No path is taken: only names that the server knows."""
    if model is None:
        return board.settings.engine.model
    found = catalogue.find(board.settings, model)
    if found is None:
        names = ", ".join(catalogue.names(board.settings))
        raise Problem("bad_option", f"there is no such model: choose one of {names}")
    return found


def _job(request: Request, id: uuid.UUID) -> Job:
    return _board(request).get(_client(request), str(id))


def _area(
    request: Request, job: Job, x: int, y: int, width: int, height: int, scale: float = 1.0
) -> Area:
    area = Area(y, x, height, width).within(job.height, job.width)
    if not area.height or not area.width:
        raise Problem("bad_option", f"the picture has {job.width}x{job.height} pixels")
    most = _board(request).limits.region_megapixels
    if area.height * area.width * scale**2 > most * 1e6:
        raise Problem("bad_option", f"a part of {most:g} megapixels at most can be asked for")
    return area


async def _stream(job: Job, after: int) -> AsyncIterator[str]:
    async for event in job.follow(after):
        if event is None:
            yield ": still here\n\n"
        else:
            data = json.dumps(event.data, separators=(",", ":"))
            yield f"id: {event.number}\nevent: {event.kind}\ndata: {data}\n\n"


async def _while_connected(receive: Receive, work: Any) -> None:  # noqa: ANN401 - a coroutine
    """Wait for the work, but not for a client that is gone.

    Raises:
        ConnectionError: if it is.
    """

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.create_task(work), asyncio.create_task(gone())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            raise ConnectionError("the client is gone")
        tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _quietly(work: Any) -> None:  # noqa: ANN401 - a coroutine
    """What fails here shows in the region's state."""
    with contextlib.suppress(Problem):
        await work
