"""The command line: one file a command, heavy imports inside the functions."""

import sys

import typer

from mirnet.cli import (
    benchmark,
    chain,
    cluster,
    data,
    evaluate,
    export,
    models,
    restore,
    serve,
    train,
    watch,
)
from mirnet.cli.endings import told
from mirnet.cli.help import Command
from mirnet.errors import MirnetError
from mirnet.system import streams

app = typer.Typer(
    name="mirnet",
    help="Restore photographs with MIRNetV2; train and export the network.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: rich would double the time to show it
    pretty_exceptions_enable=False,
)
app.command("restore", cls=Command)(restore.restore)
app.command("watch", cls=Command)(watch.watch)
app.command("train", cls=Command)(train.train)
app.command("evaluate", cls=Command)(evaluate.evaluate)
app.command("benchmark", cls=Command)(benchmark.benchmark)
app.command("export", cls=Command)(export.export)
app.command("chain", cls=Command)(chain.chain)
app.command("serve", cls=Command)(serve.serve)
app.add_typer(models.app)
app.add_typer(data.app)
app.add_typer(cluster.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"mirnet {version('mirnet')}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line; errors a user can fix end in one line and exit code 2."""
    streams.keep_stdout_for_results()
    try:
        try:
            app()
        finally:
            streams.finish_results()
    except (MirnetError, OSError) as error:
        typer.echo(f"mirnet: {told(error)}", err=True)
        sys.exit(2)
