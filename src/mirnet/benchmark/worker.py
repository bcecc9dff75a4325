"""The process in which one runtime is measured: `python -m mirnet.benchmark.worker`.

The first line of standard input is a job, and each further line requests one run. Each line is
answered by one line of JSON on standard output; after `{"error": ...}` the process ends.
"""

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from mirnet.benchmark import memory
from mirnet.benchmark.job import Trial
from mirnet.benchmark.stages import Bench
from mirnet.errors import MirnetError
from mirnet.system import streams


def main() -> None:
    """Answer until standard input ends, which it does when the parent process is gone."""
    streams.keep_stdout_for_results()
    try:
        _answer()
    except BrokenPipeError:
        os._exit(1)  # nobody is left to receive an error


def _answer() -> None:
    try:
        bench = Bench(Trial.of(sys.stdin.readline()))
        restorer = bench.restorer
        _say(runtime=bench.name, tile=restorer.tile, overlap=restorer.overlap)
        for _ in sys.stdin:
            times, gpu = asdict(bench.run()), memory.gpu()
            _say(**times, peak_mb=memory.host_peak_mb(), gpu=asdict(gpu) if gpu else None)
    except BrokenPipeError:
        raise
    except Exception as error:  # whatever it is, the other runtimes continue
        reason = str(error).partition("\n")[0]
        is_ours = isinstance(error, (MirnetError, OSError)) and reason
        _say(error=reason if is_ours else f"{type(error).__name__}: {reason}".removesuffix(": "))


def _say(**answer: Any) -> None:  # noqa: ANN401 - whatever JSON holds
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
