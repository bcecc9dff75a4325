"""Which part of the work is this process's: I of N, or what the scheduler says."""

import os
from collections.abc import Mapping

import typer

ARRAYS = (
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN"),
    ("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", None),
)
"""Variables with the number of a process, the number of processes, and the first number."""


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Parse `I/N`, counted from 0, or `auto` for what the scheduler says.

    Raises:
        typer.BadParameter: if it is neither, or no scheduler says anything.

    >>> parse_shard("3/8"), parse_shard("auto", {"SLURM_ARRAY_TASK_ID": "4",
    ...     "SLURM_ARRAY_TASK_COUNT": "8", "SLURM_ARRAY_TASK_MIN": "1"})
    ((3, 8), (3, 8))
    """
    if text == "auto":
        for index, count, first in ARRAYS:
            if index in environment and count in environment:
                begin = int(environment.get(first, "0")) if first else 0
                return _checked(int(environment[index]) - begin, int(environment[count]))
        raise typer.BadParameter(
            "auto needs SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT, or JOB_COMPLETION_INDEX "
            "and JOB_COMPLETIONS: give I/N"
        )
    number, slash, count = text.partition("/")
    try:
        return _checked(int(number), int(count if slash else "?"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither I/N, such as 0/8, nor auto") from None


def _checked(index: int, count: int) -> tuple[int, int]:
    if not 0 <= index < count:
        raise typer.BadParameter(f"{index}/{count}: shards are counted from 0 to {count - 1}")
    return index, count
