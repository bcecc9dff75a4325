"""Who may use the runtime next, where several pictures share it tile by tile.

The picture that has had the fewest tiles goes first, so a small picture comes back in about its own
time however large the others are (least attained service; Kleinrock, Queueing Systems II, 1976).
Every fourth turn goes to whoever has waited longest, so that a large picture never stands still.

Whoever has had a turn is away for a moment, to stitch the tile and cut the next one. Work that is
always waiting would take the slot each time, and so every second turn whatever the order. For those
who come first, the slot is kept free meanwhile ("anticipatory scheduling": Iyer and Druschel,
SOSP 2001).
"""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

EVERY = 4
"""One turn in so many goes to whoever has waited longest."""


class Cancelled(Exception):  # noqa: N818 - no error: somebody wanted it
    """The work was cancelled."""


@dataclass(eq=False)
class Visitor:
    """Work that needs turns: one picture, or a part of one."""

    turns: int = 0
    """Turns it has had."""
    is_cancelled: bool = False
    inside: int = 0
    """Slots that it has now."""


class Turnstile:
    """Lets a few in at a time.

    Args:
        slots: how many; a runtime that computes several tiles in parallel has several.
    """

    def __init__(self, slots: int = 1) -> None:
        self._free = slots
        self._turns = 0
        self._tickets = itertools.count()
        self._waiting: dict[int, Visitor] = {}  # by ticket, so in order of arrival
        self._expected: set[Visitor] = set()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, visitor: Visitor) -> Iterator[None]:
        """Wait for a turn, and take it.

        Raises:
            Cancelled: if the visitor is cancelled before its turn.
        """
        ticket = next(self._tickets)
        with self._changed:
            self._waiting[ticket] = visitor
            try:
                self._changed.wait_for(lambda: visitor.is_cancelled or self._is_next(ticket))
            finally:
                del self._waiting[ticket]
            if visitor.is_cancelled:
                self._changed.notify_all()
                raise Cancelled
            self._free -= 1
            self._turns += 1
            visitor.turns += 1
            visitor.inside += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                visitor.inside -= 1
                self._changed.notify_all()

    @contextmanager
    def expecting(self, visitor: Visitor) -> Iterator[None]:
        """Between the visitor's turns, let in nobody who comes after it.

        The visitor must do little else meanwhile: the slots may be idle until it is back.
        """
        with self._changed:
            self._expected.add(visitor)
        try:
            yield
        finally:
            with self._changed:
                self._expected.discard(visitor)
                self._changed.notify_all()

    def cancel(self, visitor: Visitor) -> None:
        """Turn a visitor away, whether it waits now or comes later."""
        with self._changed:
            visitor.is_cancelled = True
            self._changed.notify_all()

    def _is_next(self, ticket: int) -> bool:
        if not self._free:
            return False
        if self._turns % EVERY == 0:
            return ticket == next(iter(self._waiting))
        first = min(self._waiting, key=lambda one: (self._waiting[one].turns, one))
        return ticket == first and not any(
            one.turns < self._waiting[first].turns and self._is_away(one) for one in self._expected
        )

    def _is_away(self, visitor: Visitor) -> bool:
        """Whether it neither has a slot nor waits for one."""
        return not visitor.inside and visitor not in self._waiting.values()
