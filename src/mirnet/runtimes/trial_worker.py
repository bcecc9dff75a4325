"""The process in which `trial` tries a model: its arguments are the runtime and the file.

It writes one line of JSON to standard output: the `fault` of the result, empty if there is none, or
the `refusal` of the runtime.
"""

import contextlib
import json
import sys
from pathlib import Path

from mirnet import runtimes
from mirnet.errors import MirnetError, OutOfMemoryError, RuntimeMissingError, WeightsError
from mirnet.runtimes import trial
from mirnet.system import streams


def main() -> None:
    """Try the model, and print what came of it."""
    streams.keep_stdout_for_results()
    _limit()
    print(json.dumps(_answer(sys.argv[1], Path(sys.argv[2]))), flush=True)  # noqa: T201 - the answer


def _answer(runtime: str, path: Path) -> dict[str, str]:
    try:
        with contextlib.closing(runtimes.KINDS[runtime].load(path, "cpu", 1, "f32")) as model:
            given = trial.tile(model.facts)
            size = "x".join(map(str, given.shape))
            try:
                result = model(given)
            except OutOfMemoryError:
                fault = (
                    f"gives no result for a tile of {size}: it takes other pictures than that, or "
                    f"more than {trial.MOST_GIB} GiB of memory"
                )
                return {"fault": fault}
            return {"fault": trial.fault(given, result, model.facts)}
    except (RuntimeMissingError, ImportError):
        return {"fault": ""}  # no fault of the file: opening it tells what to install
    except WeightsError as error:
        return {"refusal": str(error)}
    except MemoryError:
        return {"fault": f"takes more than {trial.MOST_GIB} GiB of memory for one tile"}
    except MirnetError as error:
        return {"fault": f"fails on a tile: {error}"}


def _limit() -> None:
    """Limit the memory of this process, and leave no dump of it where it crashes."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = trial.MOST_GIB << 30
    with contextlib.suppress(ValueError, OSError):  # not allowed everywhere
        resource.setrlimit(
            resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
