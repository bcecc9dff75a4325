"""Request bodies, streamed to disk with bounds on size, speed and number of parts."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from mirnet.pictures import raw
from mirnet.serve.jobs.job import Upload
from mirnet.serve.jobs.store import FULL
from mirnet.serve.problems import Problem
from mirnet.serve.settings import Limits

Receive = Callable[[], Awaitable[Any]]

PARTS = 16
"""Parts of a multipart body at most."""

OVERHEAD = 64 << 10
"""Bytes that a multipart body may have beside its file."""

DISCARDED = 32 << 20
"""Bytes of a refused body that are read all the same: a client reads the answer only after it has
sent its body."""

RAW_TYPES = {"x-adobe-dng": ".dng", "x-canon-cr2": ".cr2", "x-canon-cr3": ".cr3"} | {
    "x-nikon-nef": ".nef",
    "x-sony-arw": ".arw",
    "x-fuji-raf": ".raf",
    "x-olympus-orf": ".orf",
    "x-panasonic-rw2": ".rw2",
    "x-pentax-pef": ".pef",
    "x-samsung-srw": ".srw",
}
"""Suffixes of RAW files by the subtype of `image/`."""


@dataclass
class Received:
    """A body that has arrived."""

    upload: Upload
    name: str
    """Name by the client: of a multipart's file, or empty."""


async def receive(
    stream: AsyncIterator[bytes], folder: Path, content_type: str, name: str, limits: Limits
) -> Received:
    """Write a body to disk.

    Args:
        stream: its pieces; see `pieces`.
        folder: a new folder of ours.
        content_type: as the client sent it.
        name: by the client; only a RAW suffix of it counts.
        limits: bounds.

    Raises:
        Problem: if there is too much of it, it is no picture's body, or the disk is full.
    """
    kind, options = parse_options_header(content_type)
    is_multipart = kind == b"multipart/form-data"
    part = folder / ".upload"
    digest, size = hashlib.sha256(), 0
    most = limits.bytes
    parts = _Parts(options.get(b"boundary", b"")) if is_multipart else None
    total = 0
    try:
        with part.open("wb", buffering=0) as file:
            async for piece in stream:
                total += len(piece)
                if total > most + (OVERHEAD if parts else 0):
                    raise _too_large(most)
                content = parts.feed(piece) if parts else piece
                if content:
                    size += len(content)
                    if size > most:
                        raise _too_large(most)
                    digest.update(content)
                    await _write(file, content)
    except OSError as error:
        raise Problem("no_space", FULL, retry_after=60) from error
    if parts:
        parts.finish()
        name = name or parts.name
    if not size:
        raise Problem("bad_request", "the body is empty: send the bytes of a picture file")
    suffix = _suffix(name, parts.content_type if parts else kind.decode("latin-1"))
    target = part.with_name(f"upload{suffix}")
    part.rename(target)
    return Received(Upload(folder, target.name, size, digest.hexdigest()), name)


def check_length(length: str | None, limits: Limits) -> None:
    """Refuse a body by its header, before any of it is read.

    Raises:
        Problem: if it is too large.
    """
    if length and length.isdecimal() and int(length) > limits.bytes + OVERHEAD:
        raise _too_large(limits.bytes)


async def pieces(receive: Receive, limits: Limits) -> AsyncIterator[bytes]:
    """The body as it comes, from a client that must not be too slow.

    Raises:
        Problem: if it is.
        ConnectionError: if the client is gone.
    """
    started, total = time.monotonic(), 0
    while True:
        try:
            message = await asyncio.wait_for(receive(), limits.idle_seconds)
        except TimeoutError:
            raise Problem("too_slow", "the body stopped coming: send it again") from None
        if message["type"] == "http.disconnect":
            raise ConnectionError
        body = message.get("body", b"")
        total += len(body)
        late = time.monotonic() - started - limits.idle_seconds
        if late > 0 and total < late * limits.slowest:
            raise Problem("too_slow", "the body comes too slowly: send it again")
        if body:
            yield body
        if not message.get("more_body"):
            return


async def discard(receive: Receive, seconds: float = 10.0) -> None:
    """Read the rest of a refused body, so that the client gets to read the answer."""

    async def read() -> None:
        total = 0
        while total < DISCARDED:
            message = await receive()
            total += len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                return

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(read(), seconds)


async def _write(file: IO[bytes], content: bytes) -> None:
    view = memoryview(content)
    while view:  # a full disk may take a part of it
        view = view[await asyncio.to_thread(file.write, view) :]


def _too_large(most: int) -> Problem:
    return Problem("too_large", f"the body is larger than the {most:,} bytes that are taken")


def _suffix(name: str, content_type: str) -> str:
    """A suffix of ours: those of RAW files count, since their contents do not tell."""
    suffix = Path(name).suffix.lower() if len(name) < 1000 else ""
    suffix = suffix or RAW_TYPES.get(content_type.partition("/")[2], "")
    return suffix if suffix in raw.SUFFIXES else ".bin"


class _Parts:
    """The file in a multipart body: its field `file`. Other fields are ignored."""

    def __init__(self, boundary: bytes) -> None:
        self.name = self.content_type = ""
        self._found = self._in_file = self._is_over = False
        self._count = 0
        self._header, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._content: list[bytes] = []
        if not 0 < len(boundary) <= 70:
            raise Problem("bad_request", "the multipart body has no boundary of 1 to 70 characters")
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": self._field,
                "on_header_value": self._add,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_end": self._over,
            },
        )

    def feed(self, piece: bytes) -> bytes:
        """The bytes of the file in the next piece of the body."""
        try:
            self._parser.write(piece)
        except MultipartParseError:
            raise Problem("bad_request", "the multipart body is malformed") from None
        content, self._content = b"".join(self._content), []
        return content

    def finish(self) -> None:
        """Refuse a body that ended too soon, or held no file."""
        if not self._is_over:
            raise Problem("bad_request", "the multipart body ended too soon")
        if not self._found:
            raise Problem("bad_request", "the multipart body has no field `file`")

    def _begin(self) -> None:
        self._count += 1
        self._headers = {}
        if self._count > PARTS:
            raise Problem("bad_request", f"the multipart body has more than {PARTS} parts")

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._in_file = options.get(b"name") == b"file" and not self._found
        if self._in_file:
            self._found = True
            self.name = options.get(b"filename", b"").decode("utf-8", "replace")
            kind, _ = parse_options_header(self._headers.get(b"content-type", b""))
            self.content_type = kind.decode("latin-1")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._content.append(data[start:end])

    def _end(self) -> None:
        self._in_file = False

    def _over(self) -> None:
        self._is_over = True
