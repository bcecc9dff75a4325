"""Around every request: the gate, headers, times, a log line, and clients that read too slowly."""

import asyncio
import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mirnet.serve.metrics import Metrics
from mirnet.serve.problems import MEDIA_TYPE, Problem
from mirnet.serve.web import bodies
from mirnet.serve.web.security import HEADERS, Gate

log = logging.getLogger("mirnet.serve.requests")

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""Methods by which requests are counted: clients may make up others."""


class Around:
    """Wraps the application.

    Args:
        app: what answers.
        gate: who may ask.
        metrics: counts requests.
        idle_seconds: after which a client that reads nothing is dropped.
    """

    def __init__(self, app: ASGIApp, gate: Gate, metrics: Metrics, idle_seconds: float) -> None:
        self._app, self._gate, self._metrics = app, gate, metrics
        self._idle = idle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status, has_body_left = 0, True

        async def noted_receive() -> Message:
            nonlocal has_body_left
            message = await receive()
            has_body_left = bool(message.get("more_body"))
            return message

        async def noted_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                if status >= 400 and has_body_left and _has_body(scope):
                    await bodies.discard(receive)
            # a client that reads nothing must not hold on to what it is sent
            await asyncio.wait_for(send(message), self._idle)

        try:
            scope["state"]["client"] = self._gate.admit(
                scope["method"], scope["path"], Headers(scope=scope)
            )
            await self._app(scope, noted_receive, noted_send)
        except ConnectionError:
            log.info("client gone", extra={"route": _route(scope)})
        except Problem as problem:
            await problem_response(problem)(scope, noted_receive, noted_send)
        except TimeoutError:
            # ends the connection: an answer that is cut short must not look whole
            log.warning("client reads nothing", extra={"route": _route(scope)})
            raise ConnectionError("the client reads nothing") from None
        finally:
            route = _route(scope)
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.requests.labels(route, method, status).inc()
            if route not in ("/healthz", "/readyz", "/metrics"):
                seconds = round(time.perf_counter() - started, 4)
                log.info(
                    "request",
                    extra={
                        "method": method,
                        "route": route,
                        "status": status,
                        "seconds": seconds,
                        "client": scope["state"].get("client", ""),
                    },
                )


def problem_response(problem: Problem) -> JSONResponse:
    """The answer for a problem."""
    return JSONResponse(
        problem.to_json(), problem.status, headers=problem.headers(), media_type=MEDIA_TYPE
    )


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _route(scope: Scope) -> str:
    """The route's pattern: the path itself may hold anything."""
    route = scope.get("route")
    return getattr(route, "path", None) or "other"
