"""`mirnet cluster verify`: compare results with the manifest."""

import json
from typing import Annotated

import typer

from mirnet.cli.endings import FAILED, interruptible


def verify(
    target: Annotated[str, typer.Argument(metavar="DST", help="Target of a job.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Compare sizes alone, and read no result.")
    ] = False,
    mark: Annotated[
        bool,
        typer.Option(
            "--mark", help="Note what is missing or different, so that the next run redoes it."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per problem, and the counts.")
    ] = False,
) -> None:
    """Compare the results of a job with its manifest.

    Results that are missing, differ from what was written, or that no row tells of are listed.
    Run it when no worker is at work.

    \b
    Examples:
      mirnet cluster verify restored/
      mirnet cluster verify s3://bucket/restored --quick
      mirnet cluster verify restored/ --mark

    Exit codes: 0 all as the manifest says, 1 some are not, 2 bad arguments or no job, 130
    interrupted.
    """
    from mirnet.cli.bars import Rate, print_message, progress_bar
    from mirnet.cluster import job
    from mirnet.cluster import verify as comparing
    from mirnet.cluster.places import open_place
    from mirnet.pictures.vips import shown

    place = open_place(target)
    found = comparing.Verification()
    bar = progress_bar(Rate("results"))
    task = bar.add_task("verifying", total=None)
    with interruptible("nothing was changed"), bar:
        for problem in comparing.verify(
            place,
            job.existing(place),
            verification=found,
            quick=quick,
            mark=mark,
            progress=lambda count: bar.advance(task, count),
        ):
            if as_json:
                typer.echo(json.dumps({"problem": problem.kind, "output": problem.output}))
            else:
                print_message(bar, f"mirnet: {problem.kind}: {shown(problem.output)}")
    if as_json:
        typer.echo(json.dumps({"checked": found.checked, "problems": found.problems}))
    else:
        typer.echo(f"{found.checked} results checked, {found.problems} problems")
    if found.problems:
        raise typer.Exit(FAILED)
