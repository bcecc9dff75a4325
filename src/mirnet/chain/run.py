"""Do the parts of the chain in their order, until a link breaks."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence

from mirnet.chain.parts import Part, Result, Status
from mirnet.errors import MirnetError, RuntimeMissingError

log = logging.getLogger(__name__)


def run(
    parts: Sequence[Part], begin: Callable[[Part], None] = lambda part: None
) -> Iterator[Result]:
    """Do them one after the other, and tell of each what became of it.

    After a part that failed, those of its link that are independent of it are still done; all
    others are skipped.

    Args:
        parts: in their order, those of a link together.
        begin: called with each part before it is done.
    """
    broken = ""
    for part in parts:
        if broken and not (part.link == broken and part.independent):
            yield Result(part.link, part.name, Status.SKIPPED, reason=f"{broken} failed")
            continue
        begin(part)
        result = _done(part)
        if result.status == Status.FAILED:
            broken = part.link
        why = f" ({result.reason})" if result.reason else ""
        log.info("%s, %s: %s%s", result.link, result.part, result.status, why)
        yield result


def _done(part: Part) -> Result:
    started = time.perf_counter()
    try:
        outcome = part.work()
    except Exception as error:  # a link may break in any way: to find that out it is there
        missing = part.optional and isinstance(error, RuntimeMissingError | ModuleNotFoundError)
        status = Status.SKIPPED if missing else Status.FAILED
        seconds = time.perf_counter() - started
        return Result(part.link, part.name, status, seconds, reason=_reason(error))
    seconds = time.perf_counter() - started
    wrong = [check for check in outcome.checks if not check.is_met]
    return Result(
        part.link,
        part.name,
        Status.FAILED if wrong else Status.PASSED,
        seconds,
        outcome.did,
        outcome.checks,
        outcome.facts,
        "; ".join(f"{check.found}, expected {check.expected}" for check in wrong),
    )


def _reason(error: Exception) -> str:
    """One line; where it is not meant for users the log gets all of it."""
    if isinstance(error, MirnetError | OSError | ImportError):
        return " ".join(str(error).split())
    log.error("not expected", exc_info=error)
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
