"""The plan of a benchmark, validated before it starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirnet import runtimes
from mirnet.errors import ImageError, InferenceError, RuntimeMissingError, ShapeError, WeightsError
from mirnet.models import catalog
from mirnet.models.facts import Facts
from mirnet.pictures import codec
from mirnet.restoration.restorer import Restorer, default_tile
from mirnet.restoration.runtime import EchoRuntime

SIZE = (384, 512)
"""Default height and width: about a minute on two cores for all runtimes."""


@dataclass(frozen=True)
class BenchmarkPlan:
    """Every runtime restores the same picture this many times."""

    model: str
    files: Mapping[str, Path | None]
    """The file each runtime reads, by the runtime's name or `auto`; None if the runtime chooses."""
    device: str
    threads: int | None
    """None for each runtime's own default."""
    height: int
    width: int
    format: str
    """One of `codec.FORMATS`."""
    batch: int | None
    """Number of pictures run at once, untiled; None for one, in tiles."""
    tile: int | None
    overlap: int | None
    rounds: int
    warm_up: int
    """Number of rounds before the measurement, which do not count."""


def plan(
    model: str = catalog.DEFAULT,
    names: Sequence[str] = (),
    *,
    device: str = "auto",
    threads: int | None = None,
    size: tuple[int, int] | None = None,
    format: str = "jpeg",
    batch: int | None = None,
    tile: int | None = None,
    overlap: int | None = None,
    rounds: int = 5,
    warm_up: int = 1,
) -> BenchmarkPlan:
    """Check the arguments, and fill in defaults.

    Args:
        model: name in the catalogue, or a file.
        names: names of runtimes, or `auto`; empty for all installed ones that read the model and
            have the device.
        device: as `runtimes.open` takes it.
        threads: as `runtimes.open` takes it.
        size: height and width; None for `SIZE`, or for a tile's size if there is a batch.
        format: one of `codec.FORMATS`.
        batch: see `BenchmarkPlan`.
        tile: as `Restorer` takes it; None for its default.
        overlap: as `Restorer` takes it.
        rounds: at least 1.
        warm_up: at least 0.

    Raises:
        ImageError: if there is no such format.
        RuntimeMissingError: if there is no such runtime or device, or none that is installed has
            the device.
        ShapeError: if the pictures of a batch would have to be cut.
        TilingError: if tile and overlap do not fit together.
        WeightsError: if there is no such model, or no runtime reads it.
    """
    _check_names(names)
    if format not in codec.FORMATS:
        raise ImageError(f"no format {format!r}: choose one of {', '.join(codec.FORMATS)}")
    files = runtimes.files(model, device=device)
    try:
        facts = runtimes.facts(model, device=device)
    except (WeightsError, InferenceError):  # which each runtime will tell for itself
        facts = Facts()
    side = default_tile(facts) if tile is None else tile
    Restorer(EchoRuntime(facts), tile=side, overlap=overlap)  # raises
    height, width = size or ((side, side) if batch else SIZE)
    if batch:
        _check_uncut(height, width, side, facts.multiple)
    return BenchmarkPlan(
        model=model,
        files={name: files.get(name) for name in names or files},
        device=device,
        threads=threads,
        height=height,
        width=width,
        format=format,
        batch=batch,
        tile=tile,
        overlap=overlap,
        rounds=rounds,
        warm_up=warm_up,
    )


def _check_names(names: Sequence[str]) -> None:
    known = ("auto", *runtimes.KINDS)
    for name in names:
        if name not in known:
            raise RuntimeMissingError(f"no runtime {name!r}: choose {', '.join(known)}")
        if names.count(name) > 1:
            raise RuntimeMissingError(f"the runtime {name} is given twice")


def _check_uncut(height: int, width: int, tile: int, multiple: int) -> None:
    """Raise for pictures that the network does not take as they are, or that exceed a tile."""
    if max(height, width) > tile or height % multiple or width % multiple:
        raise ShapeError(
            f"pictures of a batch are not cut: their sides are multiples of {multiple} and at most "
            f"the tile's {tile}, got {height}x{width}; take another size or a larger tile"
        )
