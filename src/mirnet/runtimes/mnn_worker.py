"""A process that runs one MNN module for another process: batches in, batches out, through pipes.

MNN's Python package blocks all threads of its process while it computes, so running two modules in
parallel takes two processes.

A message is a head of five numbers, then values or text. The first number is the type: a batch,
followed by the four numbers of its shape; an error, followed by its index in `ERRORS` and the
length of its text; or that the worker is ready, followed by the length of the model's statement.
"""

import os
import signal
import struct
import subprocess
import sys
import weakref
from pathlib import Path
from typing import IO

import numpy as np

from mirnet.errors import InferenceError, MirnetError, OutOfMemoryError, WeightsError
from mirnet.shapes import Batch, Result
from mirnet.system import streams, subprocesses

HEAD = struct.Struct("<5I")
BATCH, ERROR, READY = range(3)
ERRORS = (InferenceError, OutOfMemoryError, WeightsError, ImportError)
"""Errors that are passed on with their type; others are passed on as the first one."""

START = "from mirnet.runtimes.mnn_worker import main; main()"


class Worker:
    """A worker, seen from the parent process; only one thread at a time may use it.

    It loads its model in the background: errors are raised by the first call of `ready` or by the
    first batch.

    Args:
        path: path of the model.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._statement: str | None = None
        self._process = subprocesses.start(["-c", START, str(path)], stderr=subprocess.DEVNULL)
        # even if nobody closes it: when it is garbage-collected, or the program ends
        self._end = weakref.finalize(self, subprocesses.end, self._process)

    def ready(self) -> str:
        """Wait until the model is loaded.

        Returns:
            What the model states, see `models.facts`.

        Raises:
            WeightsError: if the file is no model that MNN runs.
            InferenceError: if the process could not be started.
        """
        if self._statement is None:
            _, (length, *_) = self._head()
            self._statement = self._content(length).decode()
        return self._statement

    def __call__(self, batch: Batch) -> Result:
        """Run a batch, as specified by `Runtime`."""
        self.ready()
        self._send(batch)
        return self._receive()

    @property
    def is_alive(self) -> bool:
        """Whether it can still be used."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process, even while it computes. May be called twice."""
        self._end()

    def _send(self, batch: Batch) -> None:
        assert self._process.stdin
        try:
            _write(self._process.stdin, (BATCH, *batch.shape), np.ascontiguousarray(batch).data)
        except OSError:
            raise self._gone() from None

    def _receive(self) -> Result:
        _, shape = self._head()
        return np.frombuffer(self._content(4 * int(np.prod(shape))), "<f4").reshape(shape)

    def _head(self) -> tuple[int, list[int]]:
        """The type of the next message, and its numbers; errors are raised."""
        kind, *numbers = HEAD.unpack(self._content(HEAD.size))
        if kind == ERROR:
            place, length, *_ = numbers
            raise ERRORS[place](self._content(length).decode())
        return kind, numbers

    def _content(self, length: int) -> bytes:
        assert self._process.stdout
        try:
            return _read(self._process.stdout, length)
        except EOFError:
            raise self._gone() from None

    def _gone(self) -> MirnetError:
        """The reason for a missing answer: most often the system killed it to free memory."""
        self.close()
        return OutOfMemoryError(
            f"the process that ran {self._path} with MNN has ended ({self._process.returncode}): "
            "it may have wanted more memory than there is"
        )


def main() -> None:
    """Run the worker: its only argument is the model, and it ends when its input does."""
    # interrupts are for the parent process, which then ends this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(streams.take_stdout(), "wb")  # MNN prints to standard output
    try:
        from mirnet.runtimes.mnn_module import MnnModule

        module = MnnModule(Path(sys.argv[1]))
    except Exception as error:
        _write_error(answers, error)
        return
    statement = module.statement.encode()
    _write(answers, (READY, len(statement), 0, 0, 0), statement)
    while True:
        try:
            _, *shape = HEAD.unpack(_read(sys.stdin.buffer, HEAD.size))
            values = _read(sys.stdin.buffer, 4 * int(np.prod(shape)))
        except EOFError:
            return
        try:
            restored = module(np.frombuffer(values, "<f4").reshape(shape))
        except Exception as error:
            _write_error(answers, error)
        else:
            _write(answers, (BATCH, *restored.shape), np.ascontiguousarray(restored).data)


def _write_error(answers: IO[bytes], error: Exception) -> None:
    message = (str(error) or type(error).__name__).encode(errors="backslashreplace")
    if isinstance(error, MemoryError):
        error = OutOfMemoryError()
    # if two types match, the narrower one comes later in the list
    place = max((k for k, kind in enumerate(ERRORS) if isinstance(error, kind)), default=0)
    _write(answers, (ERROR, place, len(message), 0, 0), message)


def _write(pipe: IO[bytes], head: tuple[int, ...], content: bytes | memoryview) -> None:
    pipe.write(HEAD.pack(*head))
    pipe.write(content)
    pipe.flush()


def _read(pipe: IO[bytes], length: int) -> bytes:
    """Read this many bytes.

    Raises:
        EOFError: if the other side is gone.
    """
    content = pipe.read(length)
    if len(content) < length:
        raise EOFError
    return content
