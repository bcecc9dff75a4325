"""Whose tile is next."""

import threading
import time

import pytest

from mirnet.serve.workers.turnstile import EVERY, Cancelled, Turnstile, Visitor


def served(turnstile, visitors):
    """The order in which waiting visitors are let in, one turn each."""
    order, threads = [], []
    opened = threading.Event()

    def hold():
        with turnstile.turn(Visitor(turns=-1)):
            opened.wait()

    def visit(name, visitor):
        with turnstile.turn(visitor):
            order.append(name)

    holder = threading.Thread(target=hold)
    holder.start()
    waiting(turnstile, 0)
    for number, (name, visitor) in enumerate(visitors):
        threads.append(threading.Thread(target=visit, args=(name, visitor)))
        threads[-1].start()
        waiting(turnstile, number + 1)
    opened.set()
    for thread in (holder, *threads):
        thread.join(30)
    return order


def waiting(turnstile, count):
    ended = time.monotonic() + 30
    while len(turnstile._waiting) != count or turnstile._free:
        assert time.monotonic() < ended
        time.sleep(0.001)


def test_who_has_had_the_least_is_next_and_every_fourth_turn_goes_by_arrival():
    large, medium, small = Visitor(turns=100), Visitor(turns=10), Visitor()
    turnstile = Turnstile()
    visitors = [("large", large), *[("medium", medium)] * 3, *[("small", small)] * 3]

    order = served(turnstile, visitors)  # the one who holds it has taken turn 0

    assert EVERY == 4
    assert order[:3] == ["small"] * 3
    assert order[3] == "large"  # the fourth after the holder's: by arrival
    assert order[4:] == ["medium"] * 3
    assert (large.turns, medium.turns, small.turns) == (101, 13, 3)


def test_as_many_are_inside_as_there_are_slots():
    turnstile, inside, most = Turnstile(2), [], []

    def visit():
        with turnstile.turn(Visitor()):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=visit) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(most) == 10
    assert max(most) == 2


def test_nobody_slips_in_between_the_turns_of_who_is_expected():
    first, other = Visitor(turns=-100), Visitor()
    turnstile, order = Turnstile(), []

    def visit():
        for _ in range(4):
            with turnstile.turn(other):
                order.append("other")

    thread = threading.Thread(target=visit)
    with turnstile.expecting(first):
        with turnstile.turn(first):
            thread.start()
            waiting(turnstile, 1)
        for _ in range(5):
            time.sleep(0.01)  # away, while the slot is free
            with turnstile.turn(first):
                order.append("first")
    thread.join(30)

    assert order == ["first"] * 3 + ["other"] + ["first"] * 2 + ["other"] * 3


def test_who_is_cancelled_is_turned_away_now_and_later():
    turnstile, visitor, seen = Turnstile(), Visitor(), []

    def visit():
        with pytest.raises(Cancelled), turnstile.turn(visitor):
            seen.append("let in")
        seen.append("turned away")

    with turnstile.turn(Visitor()):
        thread = threading.Thread(target=visit)
        thread.start()
        waiting(turnstile, 1)
        turnstile.cancel(visitor)
        thread.join(30)
    visit()

    assert seen == ["turned away"] * 2
    with turnstile.turn(Visitor()):
        pass  # and the slot is free
