"""What tests of the command line share."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from warm import Warm

MIRNET = [sys.executable, "-m", "mirnet"]


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    """Runs `mirnet` without waiting for imports; see `warm.py`. None where that cannot be."""
    if not hasattr(os, "fork") or not find_spec("torch"):
        yield None
        return
    warm = Warm(tmp_path_factory.mktemp("warm"))
    yield warm
    warm.close()


@pytest.fixture
def mirnet(tmp_path, warm):
    """A function that runs `mirnet` with the given words in an empty folder."""

    def run(*arguments, **options):
        words = [str(word) for word in arguments]
        if warm and not options.keys() - {"env", "timeout"}:
            return warm.run(words, cwd=tmp_path, **options)
        options = {"timeout": 300, "capture_output": True, "text": True} | options
        return subprocess.run([*MIRNET, *words], cwd=tmp_path, check=False, **options)

    return run


@pytest.fixture
def on_a_terminal():
    """A function that runs a command on a terminal of its own: exit code, and what it showed."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals")

    def run(command, *, columns=150, **options):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            command,
            **options,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": str(columns)},
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # so Linux says that the other end was closed
                break
        os.close(ours)
        return process.wait(), shown.decode()

    return run
