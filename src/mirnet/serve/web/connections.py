"""Connections that must send their headers in time."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 1000
"""Connections at a time; further ones are dropped."""


def within(seconds: float) -> type[H11Protocol]:
    """Connections that are dropped unless a request's headers come within so many seconds."""
    return type("Connection", (_Connection,), {"seconds": seconds})


class _Connection(H11Protocol):
    """uvicorn's, which would wait for headers for ever."""

    seconds: float
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
            return
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._expect()
        else:
            self._forget()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._forget()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds, self._too_late)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
