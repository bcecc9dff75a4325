"""Start the server, and stop it: not ready first, then the jobs that run, then the end."""

import asyncio
import logging
import signal
import socket
import threading
import time
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import uvicorn

from mirnet import runtimes
from mirnet.errors import DataError
from mirnet.serve import logs
from mirnet.serve.jobs import store
from mirnet.serve.jobs.board import Board
from mirnet.serve.settings import Settings
from mirnet.serve.web import app as application
from mirnet.serve.web.catalogue import shown_name
from mirnet.serve.web.connections import within
from mirnet.serve.web.security import new_token, read_tokens

log = logging.getLogger(__name__)

BACKLOG = 1024

LINGER = 5.0
"""Seconds that clients get, after the last job has ended, to fetch what they have not yet."""

CLOSING = 10
"""Seconds that answers under way get at the end."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        DataError: if the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise DataError(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another --port"
        ) from error
    return listening


def run(settings: Settings, listening: socket.socket) -> None:
    """Serve until a signal.

    Raises:
        DataError: if the data folder cannot be used.
    """
    app, board = application.create(settings)
    config = uvicorn.Config(
        app,
        http=within(settings.limits.idle_seconds),
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=CLOSING,
        h11_max_incomplete_event_size=32 << 10,
    )
    asyncio.run(_Server(config, board).serve(sockets=[listening]))


class _Server(uvicorn.Server):
    """Drains on SIGTERM; ends at once on SIGINT, or on a second signal."""

    def __init__(self, config: uvicorn.Config, board: Board) -> None:
        super().__init__(config)
        self._board = board
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining: asyncio.Task[None] | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if sig == signal.SIGTERM and not self._board.is_draining and self._loop:
            self._board.is_draining = True
            self._loop.call_soon_threadsafe(self._start_draining)
            return
        self._board.is_draining = True
        self.should_exit = True

    def _start_draining(self) -> None:
        self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        board = self._board
        log.info("draining", extra={"jobs": board.unfinished})
        ended = time.monotonic() + board.limits.drain_seconds
        while board.unfinished and time.monotonic() < ended:
            await asyncio.sleep(0.05)
        ended = min(ended, time.monotonic() + LINGER)
        while board.unfetched and time.monotonic() < ended:
            await asyncio.sleep(0.05)
        log.info("stopping", extra={"jobs": board.unfinished})
        for job in list(board.jobs.values()):
            if not job.is_final:
                board.stop(job)
        self.should_exit = True


def main(
    settings: Settings,
    token_file: Path | None,
    data: Path | None,
    *,
    tell: Callable[[str], None],
    browser: bool = False,
) -> None:
    """Check everything, tell the address, and serve until a signal.

    Args:
        settings: without tokens and folder.
        token_file: tokens; without it, one is made for this launch, for this machine alone.
        data: folder; None for a temporary one.
        tell: called with the page's address once it can be opened.
        browser: open the page in the browser, if only this machine reaches it.

    Raises:
        DataError: if something is in the way.
        RuntimeMissingError: if a runtime is not installed.
        WeightsError: if there is no such model.
    """
    engine = settings.engine
    for model in engine.models:
        runtimes.files(model, device=engine.device)  # raises, before anything is started
    shown_names = [shown_name(model) for model in dict.fromkeys(engine.models)]
    for name in shown_names:
        if shown_names.count(name) > 1:
            raise DataError(f"two models are called {name}: requests could not tell them apart")
    if engine.runtime in runtimes.KINDS:
        runtimes.require(engine.runtime)
    elif engine.runtime != "auto":
        raise DataError(f"no runtime {engine.runtime!r}: choose {', '.join(runtimes.KINDS)}")
    if token_file is None and not settings.is_local:
        raise DataError(
            f"on {settings.host} others reach this server: give --token-file, a file with a "
            "secret a line, such as of `openssl rand -hex 24`"
        )
    tokens = read_tokens(token_file) if token_file else (new_token(),)
    listening = bind(settings.host, settings.port)
    port = listening.getsockname()[1]
    logs.to_stderr()
    with listening:
        settings = replace(settings, port=port, tokens=tokens, data=data or store.temporary())
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{shown}:{port}/"
        if token_file is None:
            address += f"?token={tokens[0]}"
        tell(address)
        if browser and settings.is_local:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        run(settings, listening)
    if data is None:
        store.remove(settings.data)
