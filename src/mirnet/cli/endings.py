"""How commands end: exit codes, and before they are done when the user has had enough."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

FAILED = 1
"""Exit code: some inputs failed, the others are done."""

INTERRUPTED = 130
"""Exit code of a run that the user stopped."""


@contextmanager
def interruptible(word: str = "run it again to go on where it stopped") -> Iterator[None]:
    """An interruption inside ends the command with a word on what that means."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"mirnet: interrupted; {word}", err=True)
        raise typer.Exit(INTERRUPTED) from None


def treat_termination_as_interruption() -> None:
    """A run that is terminated, or whose terminal is closed, ends as an interrupted one does."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has not both
        if number and signal.getsignal(number) == signal.SIG_DFL:  # and nohup ignores the second
            signal.signal(number, signal.default_int_handler)
