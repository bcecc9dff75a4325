"""Processes of `mirnet` that begin with PyTorch imported: forked from one that has done so.

Importing takes seconds each time, and the tests start hundreds of processes. What a process sees is
its own in every other way: its words, folder, environment, streams and signals. That nothing heavy
is imported too early is tested elsewhere, in processes that begin with nothing.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

SERVER = """
import contextlib, importlib, json, os, sys

import numpy
import mirnet.cli

for name in ("torch", "lightning_fabric", "torch.utils.tensorboard"):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)

answers = os.fdopen(os.dup(1), "w")
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        break
    print(child, file=answers, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), file=answers, flush=True)
else:
    sys.exit()

# the child: what is left of this script is what `python -m mirnet` does
os.close(answers.fileno())
for descriptor, name in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
    file = os.open(name, os.O_RDWR | os.O_APPEND * (descriptor > 0))
    os.dup2(file, descriptor)
    os.close(file)
os.chdir(asked["cwd"])
os.environ.clear()
os.environ.update(asked["env"])
sys.argv = [asked["main"], *asked["words"]]
mirnet.cli.main()
"""


class Warm:
    """Starts processes; `close` ends what they are forked from."""

    def __init__(self, folder):
        self._folder = folder
        self._server = None

    def run(self, words, *, cwd, timeout=300, env=None):
        """Like `subprocess.run` of `mirnet` with these words, its output captured as text."""
        if self._server is None:
            self._start()
        out, err = self._folder / "out", self._folder / "err"
        for path in (out, err):
            path.write_bytes(b"")
        asked = {"words": [str(word) for word in words], "cwd": str(cwd), "main": self._main}
        asked |= {"out": str(out), "err": str(err), "env": dict(os.environ if env is None else env)}
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        child = int(self._server.stdout.readline())
        killed = []

        def kill():
            killed.append(child)
            os.kill(child, signal.SIGKILL)

        timer = threading.Timer(timeout, kill)
        timer.start()
        code = int(self._server.stdout.readline())
        timer.cancel()
        if killed:
            raise subprocess.TimeoutExpired(words, timeout, out.read_bytes(), err.read_bytes())
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())

    def close(self):
        if self._server is not None:
            self._server.stdin.close()
            self._server.wait(60)
            self._server.stdout.close()

    def _start(self):
        import mirnet

        self._main = str(Path(mirnet.__file__).with_name("__main__.py"))
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
