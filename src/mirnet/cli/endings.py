"""How commands end before they are done: a package is missing, or the user has had enough."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from mirnet.errors import RuntimeMissingError

FAILED = 1
"""Exit code: some inputs failed, the others are done."""

INTERRUPTED = 130
"""Exit code of a run that the user stopped."""


@contextmanager
def needs_train(what: str) -> Iterator[None]:
    """Imports inside need the extra `train`; without it, one message says so.

    Raises:
        RuntimeMissingError: if a package is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise RuntimeMissingError(
            f'{what} needs {error.name}: pip install "mirnet[train]"'
        ) from None


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
