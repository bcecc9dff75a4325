"""How commands end: exit codes and interruptions."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

FAILED = 1
"""Exit code: some inputs failed, the others are done."""

INTERRUPTED = 130
"""Exit code of a run that the user stopped."""

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
TIMER = hasattr(signal, "setitimer")  # not on Windows
REPEATED_AFTER = 0.5
"""Seconds after which an interruption that has not ended the command is raised again."""


def told(error: Exception) -> str:
    """The error as one line: for those of files, the name and what is wrong with it."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        from mirnet.pictures.vips import shown

        return f"{shown(os.fsdecode(error.filename))}: {error.strerror}"
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or str(error)


@contextmanager
def interruptible(word: str = "run the same command again to resume") -> Iterator[None]:
    """End the command on an interruption, with a message on what to do next.

    Libraries lose interruptions: what is raised in a finalizer is dropped, a bare `except` takes
    it for any error, and a module that was half imported fails later. So an error that follows an
    interruption counts as one, and an interruption that got lost is raised again (not on Windows,
    which has no interval timer).
    """
    interruption = _Interruption()
    with _handled_by(interruption):
        try:
            yield
        except (KeyboardInterrupt, Exception) as error:
            if not (interruption.came or isinstance(error, KeyboardInterrupt)):
                raise
            typer.echo(f"mirnet: interrupted; {word}", err=True)
            raise typer.Exit(INTERRUPTED) from None


class _Interruption:
    """Handles signals: raises KeyboardInterrupt, and again for as long as it gets lost."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        if TIMER:
            signal.setitimer(signal.ITIMER_REAL, REPEATED_AFTER, REPEATED_AFTER)
        raise KeyboardInterrupt

    def repeat(self, number: int, frame: FrameType | None) -> None:
        handled = sys.exc_info()[1]
        while handled:  # then it is on its way, and what cleans up behind it needs its time
            if isinstance(handled, KeyboardInterrupt | GeneratorExit):
                return
            handled = handled.__context__
        raise KeyboardInterrupt


@contextmanager
def _handled_by(interruption: _Interruption) -> Iterator[None]:
    """Give the signals that raise KeyboardInterrupt, and the timer, to `interruption`."""
    if threading.current_thread() is not threading.main_thread():  # others get no signals
        yield
        return
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    ours = [n for n in numbers if signal.getsignal(n) is signal.default_int_handler]
    for number in ours:
        signal.signal(number, interruption)
    before = signal.signal(signal.SIGALRM, interruption.repeat) if TIMER else None
    try:
        yield
    finally:
        if TIMER:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        for number in ours:
            signal.signal(number, signal.default_int_handler)


def treat_termination_as_interruption() -> None:
    """Treat termination, and a closed terminal, like an interruption by the user."""
    for name in ENDING[1:]:
        number = getattr(signal, name, None)  # Windows does not have both
        if number and signal.getsignal(number) == signal.SIG_DFL:  # and nohup ignores the second
            signal.signal(number, signal.default_int_handler)
