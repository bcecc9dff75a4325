"""`mirnet data`: data to train with. One file a command."""

import typer

from mirnet.cli.data import pack, sidd_patches, synthesize

app = typer.Typer(
    name="data",
    help="""Make data to train with.

    \b
    Examples:
      mirnet data sidd-patches SIDD_Medium_Srgb patches
      mirnet data synthesize photographs patches
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("sidd-patches")(sidd_patches.sidd_patches)
app.command("synthesize")(synthesize.synthesize)
app.command("pack")(pack.pack)
