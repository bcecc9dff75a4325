"""Export models to other formats; each result is checked against its source before it is kept."""

import contextlib
from dataclasses import replace
from pathlib import Path

from mirnet import runtimes
from mirnet.errors import ShapeError, WeightsError
from mirnet.export import check, facts, mnn, onnx
from mirnet.models import address, catalog, checkpoint
from mirnet.models.checkpoint import Weights
from mirnet.restoration.runtime import Runtime
from mirnet.system.files import hidden_folder, place_together, remove_stale

FORMATS = ("onnx", "openvino", "mnn", "safetensors", "pth", "pdparams", "paddle")

SUFFIXES = {"openvino": ".xml", "paddle": ".pdiparams"}
"""File suffixes of formats whose suffix is not their name."""

HALF = ("onnx", "openvino", "mnn", "safetensors")
"""Formats that can hold weights in half precision."""

SIZED = ("onnx", "openvino")
"""Formats that support a fixed size."""

SMALLEST = 32
"""Minimum height and width of a fixed size, since tiles are never smaller."""

READERS = {".onnx": "onnx", ".xml": "openvino", ".mnn": "mnn", ".pdiparams": "paddle"}
"""Runtimes that check files, by suffix; PyTorch checks all others."""

TOLERANCE = 2e-3
"""Largest difference to the source in 0..1: half a level of 8 bits."""
HALF_TOLERANCE = 8e-3
"""The same for weights in half precision: two levels."""


def export(
    model: str | Path,
    format: str,
    folder: Path,
    *,
    name: str | None = None,
    half: bool = False,
    size: tuple[int, int] | None = None,
    local: int | None = None,
) -> tuple[Path, float]:
    """Write a model in another format.

    Args:
        model: a name of the catalogue, or any file that `models.checkpoint.read` takes.
        format: one of `FORMATS`.
        folder: created if missing.
        name: the new file's stem; that of `model` by default.
        half: store weights in half precision (`HALF`). Arithmetic stays float32.
        size: fixed height and width of the input (`SIZED`), multiples of what the network takes;
            None for any size.
        local: side of the windows over which the network averages instead of the whole input; see
            `checkpoint.localised`.

    Returns:
        The file, and its largest difference to the source on noise and a scene, of three sizes or
        the one. `files` tells what belongs to it.

    Raises:
        WeightsError: if there is no such model, it holds no weights, the format is unknown or has
            not what is asked, the result would take the source's place, cannot be written, or
            differs from it by more than the tolerance; then nothing is left behind.
        ShapeError: if the size is none that the network takes.
        RuntimeMissingError: if the runtime is missing that checks the result.
    """
    if format not in FORMATS:
        raise WeightsError(f"no format {format!r}: choose {', '.join(FORMATS)}")
    if half and format not in HALF:
        raise WeightsError(f"half precision is for {_listed(HALF)}, not for {format}")
    if size and format not in SIZED:
        raise WeightsError(f"a fixed size is for {_listed(SIZED)}, not for {format}")
    suffix = SUFFIXES.get(format, f".{format}")
    runtimes.require(READERS.get(suffix, "pytorch"))
    source = catalog.file(str(model))
    weights = checkpoint.read(source)
    if local is not None:
        weights = checkpoint.localised(weights, local)
    if size:
        _check_size(*size, weights.configuration.multiple)
    target = folder / f"{name or source.stem}{suffix}"
    if target.exists() and target.samefile(source):
        raise WeightsError(f"{target} is the source itself: choose another folder or name")
    try:
        weights = replace(weights, facts=weights.facts | facts.origin(source))
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)
        with hidden_folder(folder) as hidden:
            path = hidden / target.name
            _write(weights, path, format, half=half, size=size)
            with contextlib.closing(_open(path)) as runtime:
                difference = check.difference(weights, runtime, size)
            tolerance = HALF_TOLERANCE if half else TOLERANCE
            if not difference <= tolerance:
                raise WeightsError(
                    f"{target.name} differs from {source} by {difference:.1e}, more than "
                    f"{tolerance:.0e}: not written"
                )
            place_together(files(path), folder)
    except OSError as error:
        raise WeightsError(
            f"{target} cannot be written ({error.strerror or error}): check folder and space"
        ) from error
    return target, difference


def files(path: Path) -> list[Path]:
    """All files of an exported model; the one that is opened comes last.

    >>> [file.name for file in files(Path("denoise.xml"))]
    ['denoise.bin', 'denoise.xml']
    """
    beside = address.BESIDE.get(path.suffix)
    return [path.with_suffix(beside), path] if beside else [path]


def _listed(formats: tuple[str, ...]) -> str:
    *first, last = formats
    return f"{', '.join(first)} and {last}"


def _check_size(height: int, width: int, multiple: int) -> None:
    smallest = min(height, width)
    if smallest < SMALLEST or height % multiple or width % multiple:
        raise ShapeError(
            f"a fixed size must be multiples of {multiple}, at least {SMALLEST}, "
            f"got {height}x{width}"
        )


def _write(
    weights: Weights, path: Path, format: str, *, half: bool, size: tuple[int, int] | None
) -> None:
    if format == "onnx":
        onnx.write(weights, path, size=size, half=half)
    elif format == "openvino":
        from mirnet.export import openvino  # the package is optional

        openvino.write(weights, path, size=size, half=half)
    elif format == "mnn":
        mnn.write(weights, path, half=half)
    elif format == "paddle":
        from mirnet.export import paddle  # the package is optional

        paddle.write(weights, path)
    else:
        checkpoint.write(weights, path, half=half)


def _open(path: Path) -> Runtime:
    return runtimes.open(
        path, runtime=READERS.get(path.suffix, "pytorch"), device="cpu", is_trusted=True
    )
