"""Messages and progress while patches are made."""

import time
from collections.abc import Generator
from contextlib import closing
from typing import Any

import typer
from rich.filesize import decimal

from mirnet import strict_json
from mirnet.cli.bars import Rate, print_message, progress_bar
from mirnet.cli.endings import FAILED
from mirnet.patches.patches import CutPlan, CutResult


def follow(
    plan: CutPlan[Any, Any],
    results: Generator[CutResult, None, None],
    *,
    pictures: str,
    as_json: bool,
) -> None:
    """Carry out the plan, and exit with 1 if a picture failed.

    Messages and a bar go to standard error, the bar only if that is a terminal; one line (or JSON
    object) with the result goes to standard output.

    Args:
        plan: the patches to make.
        results: generator that does the work while it is iterated, and stops when closed.
        pictures: plural noun for the sources of patches.
        as_json: print the result as JSON.
    """
    free = plan.require_space()
    _say(_ahead(plan, pictures, free))
    for result in plan.unusable:
        _say(result.error)
    failed, written, started = list(plan.unusable), 0, time.perf_counter()
    with closing(results), progress_bar(Rate("patches")) as bar:
        task = bar.add_task(pictures, total=plan.missing)
        for result in results:
            if result.error:
                failed.append(result)
                print_message(bar, f"mirnet: {result.error}")
            written += result.patches
            bar.update(task, completed=written, refresh=True)
    seconds = time.perf_counter() - started
    _say(
        f"{written} written in {seconds:.1f} s ({written / seconds:.1f} patches/s), {len(failed)} "
        f"{pictures} failed"
    )
    record = {
        "folder": str(plan.folder),
        pictures: plan.pictures + len(plan.unusable) - len(failed),
        "patches": plan.patches - plan.missing + written,
        "written": written,
        "failed": {result.name: result.error for result in failed},
        "seconds": round(seconds, 3),
    }
    line = f"{plan.folder}  {record[pictures]} {pictures}  {record['patches']} patches"
    typer.echo(strict_json.dumps(record) if as_json else line)
    if failed:
        raise typer.Exit(FAILED)


def _ahead(plan: CutPlan[Any, Any], pictures: str, free: int) -> str:
    all_of_them = f"{plan.patches} noisy and clean patches of {plan.pictures} {pictures}"
    there = plan.patches - plan.missing
    if not plan.missing:
        return f"{all_of_them}: nothing is missing"
    rest = f", {there} of them exist; the rest needs" if there else " need"
    return f"{all_of_them}{rest} about {decimal(plan.bytes)}; {decimal(free)} are free"


def _say(line: str) -> None:
    typer.echo(f"mirnet: {line}", err=True)
