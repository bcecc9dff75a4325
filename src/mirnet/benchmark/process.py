"""A worker, seen from the parent process."""

import json
import signal
import subprocess
from types import TracebackType
from typing import Any

from mirnet.benchmark.job import Trial
from mirnet.errors import InferenceError
from mirnet.system import subprocesses


class TrialProcess:
    """A process that measures one runtime; a context manager, which ends the process."""

    def __init__(self) -> None:
        self._process = subprocesses.start(
            ["-m", "mirnet.benchmark.worker"],
            encoding="utf-8",
            # keyboard interrupts are for the parent, which ends the worker
            process_group=0,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def start(self, job: Trial) -> dict[str, Any]:
        """Load the model; returns name, tile and overlap.

        Raises:
            InferenceError: with the reason, if it cannot be loaded or the process dies.
        """
        return self._ask(job.line())

    def run(self) -> dict[str, Any]:
        """Restore once; returns `stages.Times` and the memory taken so far.

        Raises:
            InferenceError: as `start` does.
        """
        return self._ask("run")

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError:  # it no longer reads
            raise InferenceError(self._death()) from None
        told = self._process.stdout.readline()
        if not told:
            raise InferenceError(self._death())
        answer: dict[str, Any] = json.loads(told)
        if "error" in answer:
            raise InferenceError(answer["error"])
        return answer

    def _death(self) -> str:
        """Describe how the process ended, if it reported nothing itself."""
        code = self._process.wait()
        if code >= 0:
            return f"its process ended with exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = "; there may have been too little memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"

    def __enter__(self) -> "TrialProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        subprocesses.end(self._process)  # it has no state to save
