"""Delay SIGINT and SIGTERM until the current step is finished and can be saved."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def postponed() -> Iterator[Callable[[], bool]]:
    """Record the signals instead of being interrupted; yields a function that reports them.

    A second signal raises KeyboardInterrupt at once. Ignored signals stay ignored. In a thread
    other than the main one, which Python's signals never reach, the function returns False.
    """
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    is_main = threading.current_thread() is threading.main_thread()
    before = {
        number: handler
        for number in ((signal.SIGINT, signal.SIGTERM) if is_main else ())
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }
    for number in before:
        signal.signal(number, note)
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
