"""The root logger is the program's: libraries that change it are made to give it back."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept() -> Iterator[None]:
    """Level, filters and handlers are afterwards what they were before.

    >>> with kept():
    ...     logging.getLogger().setLevel(1)
    >>> logging.getLogger().level == 1
    False
    """
    root = logging.getLogger()
    level, filters, handlers = root.level, root.filters.copy(), root.handlers.copy()
    try:
        yield
    finally:
        root.setLevel(level)
        root.filters[:], root.handlers[:] = filters, handlers
