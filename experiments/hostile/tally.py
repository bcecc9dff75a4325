"""Count verdicts, print them as a Markdown table, and list the findings with their commands."""

from collections import Counter
from collections.abc import Iterable, Sequence

from hostile.verdict import FINDINGS, Verdict

COUNTED = ("tried", "restored", "refused", "stopped", "skipped")


def table(verdicts: Iterable[Verdict]) -> str:
    """A row for each kind and group, and one for each kind in sum."""
    rows: dict[tuple[str, str], Counter[str]] = {}
    for verdict in verdicts:
        for group in ("**all**", verdict.group):
            row = rows.setdefault((verdict.kind, group), Counter())
            row.update(["tried", verdict.outcome, *verdict.findings])
    lines = [
        f"| kind | group | {' | '.join(COUNTED)} | findings |",
        "|---|---|" + "--:|" * len(COUNTED) + "---|",
    ]
    for (kind, group), row in sorted(rows.items()):
        figures = " | ".join(str(row[column]) for column in COUNTED)
        found = ", ".join(f"{each} {row[each]}" for each in FINDINGS if row[each])
        lines.append(f"| {kind} | {group} | {figures} | {found} |")
    return "\n".join(lines)


def findings(verdicts: Sequence[Verdict], seed: int, most: int = 3) -> str:
    """Findings by kind and group, with up to `most` commands each that show them again."""
    grouped: dict[tuple[str, str, str], list[tuple[Verdict, str]]] = {}
    for verdict in verdicts:
        for kind, seen in verdict.findings.items():
            grouped.setdefault((kind, verdict.kind, verdict.group), []).append((verdict, seen))
    lines = []
    for (finding, kind, group), found in sorted(grouped.items()):
        lines.append(f"{finding}: {kind}, {group}: {len(found)}")
        for verdict, seen in found[:most]:
            lines.append(f"    {seen}")
            lines.append(
                f"    python experiments/abuse.py --case {kind}:{verdict.number} --seed {seed}"
            )
    return "\n".join(lines) or "no findings"
