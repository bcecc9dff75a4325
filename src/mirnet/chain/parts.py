"""The parts of a chain's links, checks of their figures, and how they are run."""

import logging
import operator
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mirnet.errors import MirnetError, RuntimeMissingError

log = logging.getLogger(__name__)

Details = Mapping[str, float | int | str]
"""Further results, for programs."""

RULES: Mapping[str, Callable[[float | int, float | int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
}


class Status(StrEnum):
    """Status of a part, of a link or of the chain."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    RUNNING = "running"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class FigureCheck:
    """A figure and its bound; NaN violates every bound."""

    name: str
    figure: float | int
    rule: str
    """One of `RULES`, between the figure and the bound."""
    bound: float | int
    unit: str = ""
    form: str = ".2f"
    """Format of both numbers; counts have `d`."""

    @property
    def is_met(self) -> bool:
        """Whether the figure is within the bound."""
        return RULES[self.rule](self.figure, self.bound)

    @property
    def found(self) -> str:
        """The figure as text.

        >>> FigureCheck("gain", 3.714, ">=", 1.0, "dB").found
        'gain 3.71 dB'
        """
        return f"{self.name} {self.figure:{self.form}} {self.unit}".rstrip()

    @property
    def expected(self) -> str:
        """The bound as text.

        >>> FigureCheck("gain", 3.714, ">=", 1.0, "dB").expected
        '>= 1.00 dB'
        >>> FigureCheck("loss", 0.03, "<", float("inf")).expected
        'finite'
        """
        if self.bound == float("inf"):
            return "finite"
        return f"{self.rule} {self.bound:{self.form}} {self.unit}".rstrip()


@dataclass(frozen=True)
class Findings:
    """Result of a successful part."""

    did: str
    """Description of what was done."""
    checks: tuple[FigureCheck, ...]
    details: Details = field(default_factory=dict)


@dataclass(frozen=True)
class LinkPart:
    """A piece of work in a chain."""

    link: str
    name: str
    work: Callable[[], Findings]
    """Does the work.

    Raises:
        RuntimeMissingError, ModuleNotFoundError: if something is missing that it needs.
        Exception: of whatever kind, if it fails.
    """
    optional: bool = False
    """Whether it is skipped, instead of failing, if a package that it needs is missing."""
    independent: bool = False
    """Whether it is run even if another part of its link has failed."""


@dataclass(frozen=True)
class PartResult:
    """Result of a part."""

    link: str
    part: str
    status: Status
    seconds: float = 0.0
    did: str = ""
    checks: tuple[FigureCheck, ...] = ()
    details: Details = field(default_factory=dict)
    reason: str = ""
    """Why it failed or was skipped."""


def run(
    parts: Sequence[LinkPart], begin: Callable[[LinkPart], None] = lambda part: None
) -> Iterator[PartResult]:
    """Run the parts one by one, and yield the result of each.

    After a failed part, the independent parts of its link are still run; all others are skipped.

    Args:
        parts: in order, those of a link together.
        begin: called with each part before it is run.
    """
    broken = ""
    for part in parts:
        if broken and not (part.link == broken and part.independent):
            yield PartResult(part.link, part.name, Status.SKIPPED, reason=f"{broken} failed")
            continue
        begin(part)
        result = _done(part)
        if result.status == Status.FAILED:
            broken = part.link
        why = f" ({result.reason})" if result.reason else ""
        log.info("%s, %s: %s%s", result.link, result.part, result.status, why)
        yield result


def _done(part: LinkPart) -> PartResult:
    started = time.perf_counter()
    try:
        findings = part.work()
    except Exception as error:  # links may fail in any way: the chain exists to find out
        missing = part.optional and isinstance(error, RuntimeMissingError | ModuleNotFoundError)
        status = Status.SKIPPED if missing else Status.FAILED
        seconds = time.perf_counter() - started
        return PartResult(part.link, part.name, status, seconds, reason=_reason(error))
    seconds = time.perf_counter() - started
    wrong = [check for check in findings.checks if not check.is_met]
    return PartResult(
        part.link,
        part.name,
        Status.FAILED if wrong else Status.PASSED,
        seconds,
        findings.did,
        findings.checks,
        findings.details,
        "; ".join(f"{check.found}, expected {check.expected}" for check in wrong),
    )


def _reason(error: Exception) -> str:
    """The error in one line; if it is not meant for users, the log gets all of it."""
    if isinstance(error, MirnetError | OSError | ImportError):
        return " ".join(str(error).split())
    log.error("not expected", exc_info=error)
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
