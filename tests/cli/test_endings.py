"""Interruptions end commands, also where libraries lose them."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no interval timer")

SWALLOWED = """
    try:
        raise_signal(SIGTERM)
    except BaseException:
        pass
    sleep(60)
"""
DROPPED = """
    class Finalized:
        def __del__(self):
            raise_signal(SIGTERM)
    Finalized()
    sleep(60)
"""
ANOTHER_ERROR = """
    try:
        raise_signal(SIGTERM)
    except BaseException:
        raise AttributeError("module has no attribute 'half'") from None
"""
CLEANING = """
    try:
        raise_signal(SIGTERM)
    finally:
        sleep(1.5)  # two alarms
        print("cleaned", flush=True)
"""
CLEANING_GENERATOR = """
    def held():
        try:
            yield
        finally:
            sleep(1.5)
            print("cleaned", flush=True)
    for _ in held():
        raise_signal(SIGTERM)
"""
SCRIPT = """
from signal import SIGTERM, raise_signal
from time import sleep

import typer

from mirnet.cli.endings import interruptible, treat_termination_as_interruption

def command():
    treat_termination_as_interruption()
    with interruptible("the rest waits"):
        work()

def work():
{body}

typer.run(command)
"""


def _run(body):
    command = [sys.executable, "-c", SCRIPT.format(body=body)]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize("body", [SWALLOWED, DROPPED, ANOTHER_ERROR])
def test_an_interruption_that_got_lost_ends_the_command(body):
    done = _run(body)

    assert done.returncode == 130
    assert done.stderr.endswith("mirnet: interrupted; the rest waits\n")


@pytest.mark.parametrize("body", [CLEANING, CLEANING_GENERATOR])
def test_cleaning_up_is_not_interrupted_again(body):
    done = _run(body)

    assert (done.returncode, done.stdout) == (130, "cleaned\n")
    assert done.stderr == "mirnet: interrupted; the rest waits\n"


def test_errors_without_an_interruption_are_passed_on():
    done = _run("    raise AttributeError('mine')")

    assert done.returncode == 1
    assert done.stderr.endswith("AttributeError: mine\n")


def test_the_alarm_is_off_after_the_command():
    script = """
import signal, time
from contextlib import suppress
from typer import Exit
from mirnet.cli.endings import interruptible
before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)
with suppress(Exit), interruptible():
    signal.raise_signal(signal.SIGINT)
time.sleep(1)
assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM))
print(signal.getitimer(signal.ITIMER_REAL))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=False
    )

    assert (done.returncode, done.stdout) == (0, "(0.0, 0.0)\n")
