"""Python processes of our own, started from this one."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any


def start(arguments: Sequence[str], **options: Any) -> subprocess.Popen[Any]:  # noqa: ANN401
    """A Python that imports what this one does, with pipes to its input and from its output.

    It takes no module that happens to lie in the current folder. No `multiprocessing`: a program
    that calls us then needs no `if __name__ == "__main__"`.

    Args:
        arguments: such as `-m` and a module.
        options: of `subprocess.Popen`, besides.

    Raises:
        OSError: if it cannot be started.
    """
    return subprocess.Popen(
        [sys.executable, "-P", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # an empty entry would be the current folder
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        **options,
    )


def end(process: subprocess.Popen[Any]) -> None:
    """Kill it, which may be at work, and give its pipes back. May be called twice."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):  # what was on its way to it is lost, as it should be
                pipe.close()
