"""Python processes of our own, started from this one."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any


def start(arguments: Sequence[str], **options: Any) -> subprocess.Popen[Any]:  # noqa: ANN401
    """Start a Python that imports the same packages, with pipes to its input and output.

    It imports no modules from the current folder. It does not use `multiprocessing`, so programs
    that call us need no `if __name__ == "__main__"`.

    Args:
        arguments: such as `-m` and a module.
        options: further options of `subprocess.Popen`.

    Raises:
        OSError: if it cannot be started.
    """
    return subprocess.Popen(
        [sys.executable, "-P", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # an empty entry would mean the current folder
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        **options,
    )


def end(process: subprocess.Popen[Any]) -> None:
    """Kill the process, even while it works, and close its pipes. May be called twice."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):  # unsent input is discarded, as intended
                pipe.close()
