"""What the links of the chain are made of: parts, which come to figures, each with its bound."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Facts = Mapping[str, float | int | str]
"""What else was found, for programs."""

RULES: Mapping[str, Callable[[float | int, float | int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
}


class Status(StrEnum):
    """What became of a part, of a link or of the chain."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    RUNNING = "running"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Check:
    """A figure and what is expected of it; NaN meets no bound."""

    name: str
    figure: float | int
    rule: str
    """One of `RULES`, between the figure and the bound."""
    bound: float | int
    unit: str = ""
    form: str = ".2f"
    """How both are written; a count is written with `d`."""

    @property
    def is_met(self) -> bool:
        """Whether it is as expected."""
        return RULES[self.rule](self.figure, self.bound)

    @property
    def found(self) -> str:
        """The figure in words.

        >>> Check("gain", 3.714, ">=", 1.0, "dB").found
        'gain 3.71 dB'
        """
        return f"{self.name} {self.figure:{self.form}} {self.unit}".rstrip()

    @property
    def expected(self) -> str:
        """The bound in words.

        >>> Check("gain", 3.714, ">=", 1.0, "dB").expected
        '>= 1.00 dB'
        >>> Check("loss", 0.03, "<", float("inf")).expected
        'finite'
        """
        if self.bound == float("inf"):
            return "finite"
        return f"{self.rule} {self.bound:{self.form}} {self.unit}".rstrip()


@dataclass(frozen=True)
class Outcome:
    """What a part has done."""

    did: str
    """In words."""
    checks: tuple[Check, ...]
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Something to be done."""

    link: str
    name: str
    work: Callable[[], Outcome]
    """Does it.

    Raises:
        RuntimeMissingError, ModuleNotFoundError: if something is missing that it needs.
        Exception: of whatever kind, if it fails.
    """
    optional: bool = False
    """Whether it is skipped where something is missing that it needs, and does not fail."""
    independent: bool = False
    """Whether it is done though another part of its link has failed."""


@dataclass(frozen=True)
class Result:
    """What became of a part."""

    link: str
    part: str
    status: Status
    seconds: float = 0.0
    did: str = ""
    checks: tuple[Check, ...] = ()
    facts: Facts = field(default_factory=dict)
    reason: str = ""
    """Why it failed or was skipped."""
