"""How commands end: exit codes and interruptions."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

FAILED = 1
"""Exit code: some inputs failed, the others are done."""

INTERRUPTED = 130
"""Exit code of a run that the user stopped."""


def told(error: Exception) -> str:
    """The error as one line: for those of files, the name and what is wrong with it."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        from mirnet.pictures.vips import shown

        return f"{shown(os.fsdecode(error.filename))}: {error.strerror}"
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or str(error)


@contextmanager
def interruptible(word: str = "run the same command again to resume") -> Iterator[None]:
    """End the command on an interruption, with a message on what to do next."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"mirnet: interrupted; {word}", err=True)
        raise typer.Exit(INTERRUPTED) from None


def treat_termination_as_interruption() -> None:
    """Treat termination, and a closed terminal, like an interruption by the user."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows does not have both
        if number and signal.getsignal(number) == signal.SIG_DFL:  # and nohup ignores the second
            signal.signal(number, signal.default_int_handler)
