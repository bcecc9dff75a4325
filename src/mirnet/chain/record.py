"""What a chain has come to, as JSON for programs: `chain.json`, whole at any time."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mirnet import machine, strict_json
from mirnet.chain.parts import Check, Result, Status
from mirnet.chain.setting import Setting
from mirnet.files import replacing

RECORD = "chain.json"
FORMAT, VERSION = "mirnet-chain", 1


def broken(results: Sequence[Result]) -> Result | None:
    """The first part that failed, if one did."""
    return next((each for each in results if each.status == Status.FAILED), None)


def record(setting: Setting, results: Sequence[Result], status: Status) -> dict[str, Any]:
    """The record as JSON has it; numbers that are not finite are null.

    Args:
        setting: of the chain.
        results: so far.
        status: of the chain.
    """
    first = broken(results)
    groups = itertools.groupby(results, key=lambda each: each.link)
    return {
        "format": FORMAT,
        "version": VERSION,
        "mode": setting.mode,
        "status": status,
        "broken": first.link if first else None,
        "seconds": round(sum(each.seconds for each in results), 3),
        "data": str(setting.source) if setting.source else None,
        "recipe": strict_json.plain(asdict(setting.recipe)),
        "links": [_link(name, list(parts)) for name, parts in groups],
        "machine": machine.describe(),
        "versions": machine.versions(),
    }


def write(table: dict[str, Any], folder: Path) -> None:
    """Write a record into the folder of its chain, whole or not at all.

    Raises:
        OSError: if folder or disk do not take it.
    """
    with replacing(folder / RECORD, f".{RECORD}.part") as part:
        part.write_text(strict_json.dumps(table, indent=2) + "\n", encoding="utf-8")


def _link(name: str, parts: Sequence[Result]) -> dict[str, Any]:
    return {
        "link": name,
        "status": status(parts),
        "seconds": round(sum(each.seconds for each in parts), 3),
        "parts": [_part(each) for each in parts],
    }


def status(results: Sequence[Result]) -> Status:
    """Of all of them: failed if one is, skipped if all are."""
    for one in (Status.FAILED, Status.PASSED):
        if any(each.status == one for each in results):
            return one
    return Status.SKIPPED


def _part(result: Result) -> dict[str, Any]:
    return {
        "part": result.part,
        "status": result.status,
        "did": result.did,
        "checks": [_check(check) for check in result.checks],
        "facts": strict_json.plain(dict(result.facts)),
        "seconds": round(result.seconds, 3),
        "reason": result.reason,
    }


def _check(check: Check) -> dict[str, Any]:
    names = ("name", "figure", "rule", "bound", "unit")
    table = {name: getattr(check, name) for name in names}
    plain: dict[str, Any] = strict_json.plain(table | {"is_met": check.is_met})
    return plain
