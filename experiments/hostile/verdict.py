"""What came of a case, what counts as a finding, and the random numbers of a case."""

import random
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

FINDINGS = (
    "crash",
    "hang",
    "memory",
    "traceback",
    "no reason",
    "code executed",
    "damaged original",
    "half-written",
    "leftover",
    "silent damage",
    "not resumed",
)
"""Kinds of findings; `abuse.py` explains each."""

SECONDS = 30.0
"""Longest time for a case before it counts as a hang."""

BYTES = 1 << 30
"""Most memory that a case may take beyond what its process held before."""

LONGEST = 300
"""Characters kept of a message."""


@dataclass
class Verdict:
    """The outcome of one case."""

    kind: str
    number: int
    group: str
    """Format or scenario, for the table."""
    outcome: Literal["restored", "refused", "stopped", "skipped", "lost"] = "lost"
    """What mirnet did; for commands that restore nothing, `restored` means that all is done.

    `stopped` is by a signal, as it was asked to; `lost` where a finding ended the case first.
    """
    findings: dict[str, str] = field(default_factory=dict)
    """Kinds of `FINDINGS`, with what was seen."""
    said: str = ""
    """The message of a refusal, or why the case was skipped."""
    command: str = ""
    """Command line on the kept files that shows it, where there is one."""

    def find(self, kind: str, seen: object) -> None:
        """Note a finding; the first of a kind is kept."""
        assert kind in FINDINGS, kind
        self.findings.setdefault(kind, one_line(seen))

    def record(self) -> dict[str, Any]:
        """The verdict as plain values for JSON."""
        return asdict(self)


def one_line(text: object) -> str:
    """The text on one printable line that strict JSON parsers and UTF-8 files take."""
    plain = " | ".join(line.strip() for line in str(text).splitlines() if line.strip())
    return plain.encode("utf-8", "backslashreplace").decode()[:LONGEST]


def randomness(seed: int, kind: str, number: int) -> random.Random:
    """The random numbers of one case, the same on every machine."""
    return random.Random(f"{seed}:{kind}:{number}")
