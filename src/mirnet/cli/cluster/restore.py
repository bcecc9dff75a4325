"""`mirnet cluster restore`: a job over many machines."""

from typing import Annotated

import typer

from mirnet.cli.endings import interruptible, treat_termination_as_interruption
from mirnet.cli.options import (
    MAX_SECONDS,
    Device,
    Exclude,
    Format,
    Grain,
    GrainSeed,
    Include,
    Local,
    MaxSeconds,
    Model,
    Overlap,
    Precision,
    Quality,
    Retry,
    RuntimeName,
    SelfEnsemble,
    Strength,
    Threads,
    Tile,
    Whole,
    check_grain,
)
from mirnet.models.catalog import DEFAULT

GIGABYTE = 1 << 30


def restore(
    source: Annotated[str, typer.Argument(metavar="SRC", help="Folder, or s3://, gs://, az://.")],
    target: Annotated[str, typer.Argument(metavar="DST", help="Folder, or s3://, gs://, az://.")],
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Ray cluster to run on: HOST:PORT, or auto for the one that this machine is in.",
            show_default="start one on this machine",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Most workers.", show_default="as many as the cluster holds"
        ),
    ] = None,
    cpus_per_worker: Annotated[
        float, typer.Option(metavar="X", min=0, help="CPUs that a worker takes.")
    ] = 1,
    gpus_per_worker: Annotated[
        float, typer.Option(metavar="X", min=0, help="GPUs that a worker takes; 0.5 for a half.")
    ] = 0,
    include: Include = None,
    exclude: Exclude = None,
    retry: Retry = "none",
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Redo what another model or other options made, and foreign files."
        ),
    ] = False,
    max_failures: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Stop after more failures.", show_default="never"),
    ] = None,
    max_seconds: MaxSeconds = None,
    max_gigabytes: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0.1,
            help="Memory that a picture may take beside the model. Linux only.",
            show_default="no limit",
        ),
    ] = None,
    store_seconds: Annotated[
        float,
        typer.Option(
            metavar="X", min=0, help="Seconds for which requests to an object store are repeated."
        ),
    ] = 180,
    model: Model = DEFAULT,
    strength: Strength = 1.0,
    self_ensemble: SelfEnsemble = 1,
    grain: Grain = 0.0,
    grain_seed: GrainSeed = 0,
    format: Format = None,
    quality: Quality = None,
    device: Device = "auto",
    runtime: RuntimeName = "auto",
    tile: Tile = None,
    overlap: Overlap = None,
    whole: Whole = False,
    threads: Threads = None,
    precision: Precision = "auto",
    local: Local = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Restore a folder or a prefix of an object store on a Ray cluster.

    Each picture below SRC becomes one below DST, under the same name. DST/.mirnet holds a manifest
    with one row per picture. Run the same command again to resume: only what is missing, changed
    or could not be read is done. A picture that crashes or takes too long costs only itself.

    \b
    Examples:
      mirnet cluster restore photos/ restored/
      mirnet cluster restore s3://in/2024 s3://out/2024 --address auto --gpus-per-worker 1
      mirnet cluster restore photos/ restored/ --include '*.jpg' --exclude 'drafts/*'
      mirnet cluster restore photos/ restored/ --retry failed --max-seconds 7200

    Exit codes: 0 all restored, 1 some failed or lie in folders that cannot be read (the others are
    done), 2 bad arguments or stopped, 130 interrupted.
    """
    from mirnet.extras import needs

    check_grain(grain, grain_seed)
    with needs("cluster", "mirnet cluster restore"):
        import pyarrow  # noqa: F401

    from mirnet.cli.cluster import running
    from mirnet.cluster import engine, run
    from mirnet.cluster.child import Brief
    from mirnet.cluster.job import enter
    from mirnet.cluster.places import open_place

    engine.load_ray()  # raises before anything begins
    settings = running.settings(
        model=model,
        strength=strength,
        self_ensemble=self_ensemble,
        grain=grain,
        grain_seed=grain_seed,
        format=format,
        quality=quality,
        device=device,
        runtime=runtime,
        precision=precision,
        tile=tile,
        overlap=overlap,
        whole=whole,
        local=local,
    )
    begin = open_place(source, store_seconds=store_seconds)
    end = open_place(target, store_seconds=store_seconds)
    treat_termination_as_interruption()
    with interruptible():
        job = enter(end, begin, settings, overwrite=overwrite)
        brief = Brief(
            begin.url,
            end.url,
            settings,
            threads or max(1, int(cpus_per_worker)),
            int(max_gigabytes * GIGABYTE) if max_gigabytes else None,
            store_seconds,
        )
        selection = run.Selection(include or (), exclude or (), retry=retry)
        demand = engine.Demand(
            address, workers, cpus_per_worker, gpus_per_worker, max_seconds or MAX_SECONDS
        )
        with run.start(begin, end, job, selection, listed=running.listing_progress()) as started:
            running.follow(
                started,
                engine.run(started, brief, demand),
                max_failures=max_failures,
                as_json=as_json,
            )
