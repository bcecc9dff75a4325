"""`mirnet cluster`: jobs over many machines. One file a command."""

import typer

from mirnet.cli.cluster import cost, restore, status, verify
from mirnet.cli.help import Command

app = typer.Typer(
    name="cluster",
    help="""Restore millions of pictures on many machines.

    \b
    Examples:
      mirnet cluster restore photos/ s3://bucket/restored
      mirnet cluster status s3://bucket/restored
      mirnet cluster verify s3://bucket/restored
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("restore", cls=Command)(restore.restore)
app.command("status", cls=Command)(status.status)
app.command("verify", cls=Command)(verify.verify)
app.command("cost", cls=Command)(cost.cost)
