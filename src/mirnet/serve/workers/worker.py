"""A process that works on pictures for the server: opens and writes files, views, or restores.

One JSON object a line: tasks come on standard input, answers go to standard output. Each task runs
in a thread. The process ends with its input, so it never outlives the server.

    {"task": 7, "do": "restore", ...}   {"cancel": 7}
    {"ready": {...}}   {"task": 7, "event": {...}}   {"task": 7, "result": {...}}
    {"task": 7, "problem": {"code": ..., "detail": ...}}
"""

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from mirnet.errors import ImageError, MirnetError, RuntimeMissingError
from mirnet.serve.problems import Problem
from mirnet.serve.workers.turnstile import Cancelled, Visitor
from mirnet.system import memory as limits
from mirnet.system import streams

START = "from mirnet.serve.workers.worker import main; main()"

Message = dict[str, Any]
Report = Callable[[Message], None]
"""Tells the server what happens to a task."""

THREADS = 64
"""Tasks that one process takes at a time; the server gives it fewer."""

MEGABYTE = 1 << 20


@runtime_checkable
class Role(Protocol):
    """What a process is for."""

    def facts(self) -> Message:
        """What the server should know of it once it is ready."""
        ...

    def tasks(self) -> dict[str, Callable[[Message, Report, Visitor], Message]]:
        """What it can do, by the word in `do`."""
        ...

    def cancel(self, visitor: Visitor) -> None:
        """Stop the work of this visitor soon."""
        ...


def main() -> None:
    """Serve the tasks of standard input until it ends; the role is the first line."""
    results = os.fdopen(streams.take_stdout(), "w", encoding="utf-8")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides when it ends
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING)
    lock = threading.Lock()

    def answer(message: Message) -> None:
        with lock, contextlib.suppress(BrokenPipeError):
            results.write(json.dumps(message) + "\n")
            results.flush()

    options = json.loads(sys.stdin.readline())
    try:
        limits.limit(options.get("memory"))
        role = _role(options)
    except (MirnetError, OSError, MemoryError) as error:
        answer({"failed": str(error) or "not enough memory"})
        return
    answer({"ready": role.facts(), "memory": memory()})
    _serve(role, answer)
    # threads may be inside a library, and their work is wanted no more
    os._exit(0)


def _role(options: Message) -> Role:
    if options["role"] == "restore":
        from mirnet.serve.workers.restoring import Restoring

        return Restoring(options)
    if options["role"] == "view":
        from mirnet.serve.workers.viewing import Viewing

        return Viewing()
    from mirnet.serve.workers.filing import Filing

    return Filing()


def _serve(role: Role, answer: Report) -> None:
    visitors: dict[int, Visitor] = {}
    pool = ThreadPoolExecutor(THREADS, "mirnet-task")
    known = role.tasks()

    def run(message: Message, visitor: Visitor) -> None:
        task = message["task"]
        report: Report = lambda event: answer({"task": task, "event": event})  # noqa: E731
        try:
            result = known[message["do"]](message, report, visitor)
            reply: Message = {"task": task, "result": result, "memory": memory()}
        except Exception as error:
            reply = {"task": task, "problem": _problem(error), "memory": memory()}
        visitors.pop(task, None)
        answer(reply)

    for line in sys.stdin:
        message = json.loads(line)
        if "cancel" in message:
            visitor = visitors.get(message["cancel"])
            if visitor:
                role.cancel(visitor)
            continue
        visitors[message["task"]] = visitor = Visitor()
        pool.submit(run, message, visitor)


def _problem(error: Exception) -> Message:
    if isinstance(error, Problem):
        return {"code": error.code, "detail": error.detail}
    if isinstance(error, Cancelled):
        return {"code": "cancelled", "detail": "the job was cancelled"}
    if isinstance(error, ImageError):
        return {"code": _image_code(error), "detail": str(error)}
    if isinstance(error, RuntimeMissingError):
        return {"code": "needs_extra", "detail": str(error)}
    if isinstance(error, MirnetError):
        return {"code": "restoring_failed", "detail": str(error)}
    if isinstance(error, MemoryError):
        return {"code": "crashed", "detail": "the picture takes more memory than a job may have"}
    if isinstance(error, OSError) and error.errno in (28, 122):  # ENOSPC, EDQUOT
        return {"code": "no_space", "detail": "the server's disk is full: try again later"}
    traceback.print_exception(error)
    return {"code": "internal", "detail": "the server failed: its log has the reason"}


def _image_code(error: ImageError) -> str:
    text = str(error)
    if "pip install" in text:
        return "needs_extra"
    if "No space left" in text:
        return "no_space"
    if any(word in text for word in ("not a picture", "is not JPEG", "is empty", "accepted are")):
        return "unknown_format"
    return "damaged"


def memory() -> int:
    """Bytes of memory that this process and its children take; 0 where the system does not say."""
    total = _resident(os.getpid())
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            children = (task / "children").read_text().split()
            total += sum(_resident(int(child)) for child in children)
    return total


def _resident(process: int) -> int:
    """Bytes of memory without the files that are mapped into it."""
    try:
        fields = Path(f"/proc/{process}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")
