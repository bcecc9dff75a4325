"""`mirnet data`: data to train with. One file a command."""

import typer

from mirnet.cli.data import pack, sidd_patches, synthesize
from mirnet.cli.help import Command

app = typer.Typer(
    name="data",
    help="""Make training data.

    \b
    Examples:
      mirnet data sidd-patches SIDD_Medium_Srgb patches
      mirnet data synthesize photographs patches
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("sidd-patches", cls=Command)(sidd_patches.sidd_patches)
app.command("synthesize", cls=Command)(synthesize.synthesize)
app.command("pack", cls=Command)(pack.pack)
