"""`mirnet-edit`: the external editor of other programs, which name files and nothing else."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mirnet.cli.endings import FAILED, interruptible, told, treat_termination_as_interruption
from mirnet.cli.help import Command
from mirnet.cli.options import Model, Strength
from mirnet.errors import MirnetError
from mirnet.models.catalog import DEFAULT
from mirnet.system import streams

KEPT = "_original"
"""Suffix of the name under which the file as it was is kept."""

app = typer.Typer(
    name="mirnet-edit",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command(cls=Command)
def edit(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Pictures to replace.")],
    model: Model = DEFAULT,
    strength: Strength = 1.0,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep/--no-keep",
            help="Keep the file as it was beside it, as NAME_original.EXT, unless that exists.",
        ),
    ] = True,
) -> None:
    """Restore pictures in place, as editors expect that hand a file to another program.

    Each file is replaced by its restored version, complete or not at all, in the same format. RAW
    files are refused: export a TIFF, which is what editors do.

    \b
    Examples:
      mirnet-edit export.tif
      mirnet-edit --strength 0.7 --no-keep export.tif

    Exit codes: 0 all restored, 1 some failed (the others are done), 2 bad arguments, 130
    interrupted.
    """
    from mirnet import api
    from mirnet.cli.bars import Rate, progress_bar
    from mirnet.errors import ImageError
    from mirnet.pictures import codec

    treat_termination_as_interruption()
    has_failed = False
    with (
        interruptible("files that are done are replaced"),
        api.load(model, strength=strength) as restorer,
    ):
        for path in files:
            try:
                if path.suffix.lower() not in codec.WRITABLE:
                    raise ImageError(
                        f"{path} cannot be replaced: export it as TIFF, PNG or JPEG first"
                    )
                source = codec.open(path)
                bar = progress_bar(Rate("MP", size=1e6, digits=1))
                with bar, _kept(path) if keep else nullcontext():
                    task = bar.add_task("restoring", total=source.height * source.width)
                    progress = partial(bar.advance, task)
                    restorer.restore(source, progress=progress).write(path)
                typer.echo(str(path))
            except (MirnetError, OSError, MemoryError) as error:
                has_failed = True
                typer.echo(f"mirnet: {told(error) or 'not enough memory'}", err=True)
    if has_failed:
        raise typer.Exit(FAILED)


@contextmanager
def _kept(path: Path) -> Iterator[None]:
    """Keep a copy of the file beside it, unless there is one or an error leaves the file as is."""
    copy = path.with_name(f"{path.stem}{KEPT}{path.suffix}")
    if copy.exists():
        yield
        return
    shutil.copy2(path, copy)
    try:
        yield
    except BaseException:
        copy.unlink()
        raise


def main() -> None:
    """Run the command; errors a user can fix end in one line and exit code 2."""
    streams.keep_stdout_for_results()
    try:
        try:
            app(prog_name="mirnet-edit")
        finally:
            streams.finish_results()
    except SystemExit as end:
        _wait_on_windows(end.code)
        raise
    except (MirnetError, OSError) as error:
        typer.echo(f"mirnet: {told(error)}", err=True)
        _wait_on_windows(2)
        sys.exit(2)


def _wait_on_windows(code: object) -> None:
    """Leave the message on the screen: the window that Windows opened closes with the process."""
    if sys.platform == "win32" and code not in (0, None, 130) and sys.stdin.isatty():
        input("Press Enter to close. ")
