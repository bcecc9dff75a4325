"""Machines and hours for a job, computed from a measured speed."""

import json
import math
from dataclasses import dataclass

from mirnet.errors import DataError


@dataclass(frozen=True)
class Speed:
    """The speed of one machine, as `mirnet benchmark --json` measured it."""

    runtime: str
    machine: str
    model: str
    megapixels_per_second: float


@dataclass(frozen=True)
class Estimate:
    """What a job takes."""

    runtime: str
    machines: int
    hours: float
    """Hours from start to end."""
    machine_hours: float
    """Hours of all machines together, as they are paid for."""
    price: float | None
    """In the unit of the price per hour; None if none was given."""


def read(text: str) -> list[Speed]:
    """The speeds in the output of `mirnet benchmark --json`, fastest first.

    Raises:
        DataError: if it is something else, or nothing was measured.
    """
    try:
        record = json.loads(text)
        speeds = [
            Speed(
                each["runtime"],
                record["machine"]["processor"],
                record["model"],
                float(each["megapixels_per_second"]),
            )
            for each in record["runtimes"]
            if each["status"] == "measured"
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"this is no output of `mirnet benchmark --json` ({error!r})") from None
    if not speeds:
        raise DataError("no runtime was measured: see the errors of `mirnet benchmark`")
    return sorted(speeds, key=lambda speed: -speed.megapixels_per_second)


def estimate(
    speed: Speed,
    megapixels: float,
    *,
    pictures: int = 0,
    overhead_ms: float = 0.0,
    efficiency: float = 1.0,
    workers: int = 1,
    machines: int | None = None,
    hours: float | None = None,
    price: float | None = None,
) -> Estimate:
    """Compute machines from hours, or hours from machines.

    Args:
        speed: of one machine.
        megapixels: of all pictures together.
        pictures: number of pictures.
        overhead_ms: milliseconds that a worker takes per picture besides restoring it.
        efficiency: speed on the cluster as a part of that of one machine alone, 0 to 1.
        workers: workers of a machine, which share the overhead.
        machines: machines at disposal.
        hours: hours that it may take; used if `machines` is None. One machine if neither is given.
        price: price of a machine per hour.

    >>> speed = Speed("mnn", "some processor", "denoise", 0.5)
    >>> estimate(speed, 1e6, machines=100).hours
    5.555555555555555
    >>> estimate(speed, 1e6, hours=2.0).machines
    278
    """
    seconds = megapixels / (speed.megapixels_per_second * efficiency)
    seconds += pictures * overhead_ms / 1000 / workers
    needed = seconds / 3600
    if machines is None:
        machines = max(1, math.ceil(needed / hours)) if hours else 1
    return Estimate(
        speed.runtime,
        machines,
        needed / machines,
        needed,
        None if price is None else needed * price,
    )
