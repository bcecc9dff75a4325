"""Run the real command line, watch its time and memory, and judge how it ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
import pyvips

from hostile.verdict import BYTES, SECONDS, Verdict, one_line
from hostile.workers import ending, held

REFUSED = (1, 2)
INTERRUPTED = 130

LONGEST = 3 * SECONDS
"""Seconds that a command may take: training and export work for several on an idle machine."""

NOTICING = 10.0
"""Seconds until children must have noticed that their parent has gone."""

NEEDED = 1 << 30
"""Memory that a command may take in any case: torch alone takes a third of it."""


@dataclass
class Done:
    """How a process ended."""

    code: int
    out: bytes
    err: str
    seconds: float
    lost: tuple[str, str] | None = None
    """`hang` or `memory`, and what was seen, if it was killed for that."""
    left: int = 0
    """Processes that it left behind."""


def start(
    arguments: Sequence[str | bytes | Path],
    cwd: Path,
    *,
    environment: dict[str, str] | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
    before: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `mirnet` in a session of its own; temporary files go into `cwd/tmp`.

    Args:
        arguments: what follows `mirnet`.
        cwd: the current folder.
        environment: variables beside the usual ones.
        stdout: where results go.
        before: called in the new process before it becomes Python.
    """
    (cwd / "tmp").mkdir(exist_ok=True)
    cache = cwd.parent / f"{cwd.name}.cache"
    own = {"TMPDIR": str(cwd / "tmp"), "XDG_CACHE_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "mirnet", *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **own, **(environment or {})},
        preexec_fn=before,
    )


def finish(
    process: subprocess.Popen[bytes],
    *,
    seconds: float = LONGEST,
    most: int = NEEDED + BYTES,
    blow: tuple[float, signal.Signals] | None = None,
) -> Done:
    """Wait for the end, or make one.

    Args:
        process: what `start` returned.
        seconds: a longer run is a hang, counted from the blow if there is one.
        most: bytes of memory of the process and its children; more is a finding.
        blow: a signal to send, and after how many seconds.
    """
    began = time.monotonic()
    watched = psutil.Process(process.pid)
    lost = None
    until = began + seconds + (blow[0] if blow else 0)
    gathered: dict[str, bytes] = {"out": b"", "err": b""}
    while True:
        try:
            wait = 0.1 if blow is None else min(0.1, max(0, began + blow[0] - time.monotonic()))
            gathered["out"], gathered["err"] = (
                each or b"" for each in process.communicate(timeout=wait)
            )
            break
        except subprocess.TimeoutExpired:
            pass
        if blow and time.monotonic() >= began + blow[0]:
            process.send_signal(blow[1])
            blow = None
        if (taken := held(watched)) > most:
            lost = ("memory", f"{taken / 1e9:.1f} GB")
        elif time.monotonic() > until:
            lost = ("hang", f"no end in {seconds:.0f} s")
        if lost:
            _kill_session(process.pid)
    code = process.returncode
    left = _alive(process.pid)
    ended = time.monotonic()
    while left and time.monotonic() < ended + NOTICING:
        time.sleep(0.2)
        left = _alive(process.pid)
    _kill_session(process.pid)
    seconds = ended - began
    err = gathered["err"].decode("utf-8", "replace")
    return Done(code, gathered["out"], err, seconds, lost, left)


def judge(verdict: Verdict, done: Done, *, allowed: Sequence[int] = (0, *REFUSED)) -> None:
    """Note how the process ended; `allowed` are the exit codes that are no crash."""
    if done.lost:
        verdict.find(*done.lost)
        return
    if "Traceback (most recent call last)" in done.err and _is_ours(done.err):
        verdict.find("traceback", done.err.strip().splitlines()[-1])
    if done.left:
        verdict.find("leftover", f"{done.left} processes")
    if done.code not in allowed:
        verdict.find("crash", f"{ending(done.code)}: {done.err[-200:]}")
        return
    if done.code == 0:
        verdict.outcome = "restored"
    else:
        verdict.outcome = "refused" if done.code in REFUSED else "stopped"
    reasons = [line for line in done.err.splitlines() if line.startswith(("mirnet: ", "Error: "))]
    if done.code in REFUSED:
        verdict.said = one_line(reasons[-1] if reasons else done.err)
        if not reasons:
            verdict.find("no reason", f"code {done.code}, {done.err[-200:] or 'nothing is said'}")


def leftovers(folder: Path, expected: Sequence[str] = ()) -> list[str]:
    """Hidden, temporary and unexpected files below `folder`.

    Args:
        folder: where a command ran.
        expected: if given, the only paths that may be there, with all below them.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        is_temporary = name.startswith("tmp/") or path.name.startswith(".") or ".part" in path.name
        is_strange = bool(expected) and name.split("/")[0] not in {*expected, "tmp"}
        if (is_temporary or is_strange) and not name.startswith("tmp/torchinductor"):
            found.append(one_line(name))
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def broken(path: Path) -> str | None:
    """What is not whole about a file that a command wrote, by its suffix; None for a whole one."""
    try:
        return _broken(path)
    except Exception as error:  # of any of the readers
        return f"{path.name}: {error}"


def _broken(path: Path) -> str | None:
    import zipfile
    from xml.etree import ElementTree

    content = path.read_bytes()
    if not content:
        return f"{path.name} is empty"
    suffix = path.suffix
    if suffix in (".png", ".jpg", ".tif", ".webp"):
        image = pyvips.Image.new_from_file(str(path), fail_on="warning", access="sequential")
        image.avg()
    elif suffix in (".pth", ".ckpt"):
        with zipfile.ZipFile(path) as file:
            return file.testzip()
    elif suffix == ".onnx":
        import onnx

        onnx.checker.check_model(onnx.load(path))
    elif suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, "np") as file:
            for name in file.keys():  # noqa: SIM118 - no dict
                file.get_tensor(name)
    elif suffix == ".xml":
        ElementTree.parse(path)
    elif suffix == ".html" and not content.rstrip().endswith(b"</html>"):
        return f"{path.name} has no end"
    elif suffix in (".csv", ".jsonl") and not content.endswith(b"\n"):
        return f"{path.name} ends within a line"
    return None


def _is_ours(err: str) -> bool:
    """Whether a traceback comes from more than Python's own start, before mirnet's first line."""
    return "/mirnet/" in err


def _session(pid: int) -> list[psutil.Process]:
    """Processes of the session that began with this process, except ended ones."""
    found = []
    for each in psutil.process_iter(["pid", "status"]):
        with suppress(ProcessLookupError, psutil.NoSuchProcess, PermissionError):
            if os.getsid(each.pid) == pid and each.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found


def _alive(pid: int) -> int:
    return len(_session(pid))


def _kill_session(pid: int) -> None:
    for each in _session(pid):
        with suppress(psutil.NoSuchProcess):
            each.kill()
