"""What tests of the command line share."""

import os
import subprocess
import sys

import pytest

MIRNET = [sys.executable, "-m", "mirnet"]


@pytest.fixture
def mirnet(tmp_path):
    """A function that runs `mirnet` with the given words in an empty folder."""

    def run(*arguments, **options):
        return subprocess.run(
            [*MIRNET, *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            **options,
        )

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
