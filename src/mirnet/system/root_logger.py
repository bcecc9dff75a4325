"""The root logger belongs to the program: undo the changes that libraries make to it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept() -> Iterator[None]:
    """Restore level, filters and handlers afterwards.

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
