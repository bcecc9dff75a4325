"""`mirnet serve`: a page and an HTTP API."""

from pathlib import Path
from typing import Annotated

import typer

from mirnet.cli.options import Device, Precision, RuntimeName, Threads
from mirnet.models.catalog import DEFAULT


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for all.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0 for a free one.")
    ] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Tokens that clients may present, one a line. Required unless only this machine "
            "reaches the server.",
            show_default="a new token at each start",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A further name of this server; give it again for several."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for pictures and results while they are needed; emptied at start.",
            show_default="a new folder in the user's cache",
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            metavar="NAME|FILE",
            help="Model used where a request names none: a name (see `mirnet models`), a file, or "
            "hf://owner/name once it is pulled. Give it again for further models to offer.",
        ),
    ] = [DEFAULT],  # noqa: B006 - never changed
    device: Device = "auto",
    runtime: RuntimeName = "auto",
    precision: Precision = "auto",
    threads: Threads = None,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Processes that restore.", show_default="one per 16 cores"
        ),
    ] = 0,
    recycle_jobs: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Jobs after which a process is replaced."),
    ] = 500,
    max_bytes: Annotated[int, typer.Option(metavar="N", min=1, help="Bytes of a body.")] = 512
    << 20,
    max_megapixels: Annotated[
        float, typer.Option(metavar="X", min=0.01, help="Megapixels of a picture.")
    ] = 200,
    max_jobs: Annotated[int, typer.Option(metavar="N", min=1, help="Unfinished jobs.")] = 512,
    max_jobs_per_client: Annotated[
        int, typer.Option(metavar="N", min=1, help="Unfinished jobs of one token.")
    ] = 512,
    max_seconds: Annotated[
        float, typer.Option(metavar="X", min=0.1, help="Seconds that a job may run.")
    ] = 3600,
    keep_gigabytes: Annotated[
        float, typer.Option(metavar="X", min=0, help="Gigabytes of finished jobs that are kept.")
    ] = 20,
    keep_hours: Annotated[
        float, typer.Option(metavar="X", min=0, help="Hours that finished jobs are kept.")
    ] = 12,
    keep_free_gigabytes: Annotated[
        float, typer.Option(metavar="X", min=0, help="Gigabytes of the disk that stay free.")
    ] = 1,
    drain_seconds: Annotated[
        float, typer.Option(metavar="X", min=0, help="Seconds for running jobs after SIGTERM.")
    ] = 25,
    idle_seconds: Annotated[
        float,
        typer.Option(metavar="X", min=0.1, help="Seconds without a byte from or to a client."),
    ] = 30,
) -> None:
    """Open a page on this machine, or offer restoration as an HTTP service.

    Nothing leaves the machine. The address that is printed holds a token, without which nothing
    is answered. Elsewhere than on this machine, clients need a token from a file.

    \b
    Examples:
      mirnet serve
      mirnet serve --no-browser --port 9000 --model denoise-tiny
      mirnet serve --model denoise --model models/enlarge-x2.mnn
      mirnet serve --host 0.0.0.0 --token-file tokens.txt --data-dir /var/lib/mirnet

    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 2 bad arguments.
    """
    from mirnet.extras import needs

    with needs("serve", "mirnet serve"):
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401

    from mirnet.serve import run
    from mirnet.serve.settings import Engine, Limits, Settings

    settings = Settings(
        host=host,
        port=port,
        allowed_hosts=tuple(allow_host or ()),
        limits=Limits(
            bytes=max_bytes,
            megapixels=max_megapixels,
            jobs=max_jobs,
            jobs_per_client=max_jobs_per_client,
            seconds=max_seconds,
            keep_gigabytes=keep_gigabytes,
            keep_hours=keep_hours,
            free_gigabytes=keep_free_gigabytes,
            drain_seconds=drain_seconds,
            idle_seconds=idle_seconds,
        ),
        engine=Engine(
            model=model[0],
            others=tuple(model[1:]),
            device=device,
            runtime=runtime,
            precision=precision,
            threads=threads,
            workers=workers,
            recycle_jobs=recycle_jobs,
        ),
    )
    run.main(
        settings, token_file, data_dir, tell=lambda address: typer.echo(address), browser=browser
    )
