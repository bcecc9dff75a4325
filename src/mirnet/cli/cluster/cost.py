"""`mirnet cluster cost`: machines and hours for a job, on paper."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def cost(
    benchmark: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Output of `mirnet benchmark --json` on such machine."),
    ],
    megapixels: Annotated[
        float, typer.Option(metavar="X", min=0, help="Megapixels of all pictures together.")
    ],
    pictures: Annotated[
        int, typer.Option(metavar="N", min=0, help="Number of pictures, for the overhead.")
    ] = 0,
    overhead_ms: Annotated[
        float,
        typer.Option(
            metavar="X",
            min=0,
            help="Milliseconds per picture besides restoring; see docs/cluster.md.",
        ),
    ] = 0,
    efficiency: Annotated[
        float,
        typer.Option(
            metavar="X",
            min=0.01,
            max=1,
            help="Speed in the cluster as a part of that of one machine alone.",
        ),
    ] = 1,
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Workers of a machine.")] = 1,
    machines: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Machines at disposal: tells the hours.")
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(metavar="X", min=0.01, help="Hours it may take: tells the machines."),
    ] = None,
    price: Annotated[
        float | None, typer.Option(metavar="X", min=0, help="Price of a machine per hour.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per runtime.")
    ] = False,
) -> None:
    """Compute how many machines and hours a job takes.

    It multiplies a measured speed, and runs nothing: pictures of other sizes, other machines and
    slow disks or networks make it longer.

    \b
    Examples:
      mirnet benchmark --json > speed.json
      mirnet cluster cost speed.json --megapixels 24e6 --pictures 1000000 --hours 24
      mirnet cluster cost speed.json --megapixels 24e6 --machines 100 --price 0.4

    Exit codes: 0 computed, 2 bad arguments.
    """
    from mirnet import strict_json
    from mirnet.cluster import cost as computing

    if machines and hours:
        raise typer.BadParameter("give --machines or --hours, not both")
    speeds = computing.read(benchmark.read_text(encoding="utf-8"))
    if not as_json:
        typer.echo(f"{megapixels:,.0f} MP by {speeds[0].model} on {speeds[0].machine}")
        typer.echo(
            "runtime   MP/s  machines      hours  machine hours" + ("  price" if price else "")
        )
    for speed in speeds:
        found = computing.estimate(
            speed,
            megapixels,
            pictures=pictures,
            overhead_ms=overhead_ms,
            efficiency=efficiency,
            workers=workers,
            machines=machines,
            hours=hours,
            price=price,
        )
        if as_json:
            rate = {"megapixels_per_second": speed.megapixels_per_second}
            typer.echo(strict_json.dumps(asdict(found) | rate))
            continue
        line = (
            f"{found.runtime:8} {speed.megapixels_per_second:5.2f}  {found.machines:8,}  "
            f"{found.hours:9,.1f}  {found.machine_hours:13,.1f}"
        )
        typer.echo(line + (f"  {found.price:,.2f}" if found.price is not None else ""))
