"""The application: routes, the page, and what surrounds them."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from mirnet.serve.jobs.board import Board
from mirnet.serve.metrics import Metrics
from mirnet.serve.problems import Problem
from mirnet.serve.settings import LOOPBACK, Settings
from mirnet.serve.web.middleware import Around, problem_response
from mirnet.serve.web.routes import router
from mirnet.serve.web.security import Gate, cookie_name

PAGE = Path(__file__).parents[1] / "page"

CODES = {404: "not_found", 405: "method_not_allowed"}

DESCRIPTION = """Restores photographs. Send a picture to `POST /v1/restore` and get it back, or
make a job with `PUT /v1/jobs/{id}` and follow its events. Errors are problems by RFC 9457."""


def create(settings: Settings) -> tuple[ASGIApp, Board]:
    """The application, and the service behind it.

    Raises:
        DataError: if the data folder cannot be used.
    """
    metrics = Metrics()
    board = Board(settings, metrics)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        board.start()
        try:
            yield
        finally:
            await board.close()

    app = FastAPI(
        title="mirnet serve",
        description=DESCRIPTION,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.board = board
    app.state.regions = {}
    app.include_router(router)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_error)
    gate = Gate(hosts(settings), settings.tokens, cookie_name(settings.port))
    _add_page(app, gate, settings)
    return Around(app, gate, metrics, settings.limits.idle_seconds), board


def hosts(settings: Settings) -> list[str]:
    """Names by which the server may be addressed; empty for any.

    Elsewhere than on loopback the token protects it, and its names are not known.
    """
    names = list(settings.allowed_hosts)
    if settings.is_local:
        names += [*LOOPBACK, settings.host]
    every = []
    for name in names:
        bare = (
            f"[{name}]"
            if ":" in name and not name.startswith("[") and name.count(":") > 1
            else name
        )
        every += [bare] if bare.rpartition("]")[2].count(":") else [f"{bare}:{settings.port}"]
        if settings.port in (80, 443) or name in settings.allowed_hosts:
            every.append(bare)
    return every


def _add_page(app: FastAPI, gate: Gate, settings: Settings) -> None:
    @app.get("/", include_in_schema=False)
    async def index(request: Request, token: str = "") -> Response:
        """The page. An address with the launch token gives the browser a cookie."""
        path = PAGE / "index.html"
        response: Response = (
            FileResponse(path, headers={"Cache-Control": "no-cache"})
            if path.exists()
            else PlainTextResponse("mirnet serve: the API is at /v1, see /openapi.json")
        )
        if token and gate.client(token):
            response.set_cookie(
                cookie_name(settings.port),
                token,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
                path="/",
            )
        return response

    if PAGE.is_dir():
        app.mount("/page", _Page(directory=PAGE), name="page")


class _Page(StaticFiles):
    """The page's files, which may change with the next version."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:  # noqa: ANN401
        """With headers for caches."""
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    request.app.state.board.metrics.problems.labels(error.code).inc()
    return problem_response(error)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return problem_response(Problem("bad_option", f"{place}: {first['msg']}"))


async def _on_error(request: Request, error: Exception) -> JSONResponse:
    return problem_response(Problem("internal", "the server failed: its log has the reason"))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = CODES.get(error.status_code, "bad_request")
    return problem_response(Problem(code, str(error.detail)))
