"""Many pictures: map inputs to output files, and restore them one after another.

All checks run before the first picture is restored. Finished files are complete (they are renamed
into place), so an existing target is done, and a second run resumes where the first one stopped.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mirnet.errors import ImageError, MirnetError
from mirnet.pictures import codec
from mirnet.restoration.restorer import Progress, Restorer

SUFFIX = "_restored"
"""Suffix of the name of a picture that is restored next to its source."""


@dataclass(frozen=True)
class Route:
    """One picture to restore."""

    source: Path
    target: Path
    place: Path = field(compare=False)
    """Path below the input folder in which it was found; its name if it was given directly."""


@dataclass(frozen=True)
class FileResult:
    """Result of one picture."""

    source: Path
    target: Path
    status: Literal["restored", "skipped", "failed"]
    height: int = 0
    width: int = 0
    seconds: float = 0.0
    tiles: int = 0
    tiles_kept: int = 0
    """Tiles that were left unchanged, since the network's output was not a valid picture."""
    notes: tuple[str, ...] = ()
    """What changed besides the noise, such as CMYK converted to sRGB."""
    error: str = ""


def plan(
    inputs: Sequence[Path],
    output: Path | None = None,
    *,
    recursive: bool = False,
    format: str | None = None,
) -> list[Route]:
    """Map pictures to target files, in the order given, folders sorted.

    Args:
        inputs: files and folders. A folder stands for the pictures in it, without earlier results.
        output: a folder, created if needed, in which the tree of an input folder is kept; or, for a
            single input file, a file with a picture's suffix. Without it, `NAME_restored.EXT` next
            to the input; such files among the inputs then count as earlier results.
        recursive: whether subfolders are searched too.
        format: png, jpeg, ...: format of the targets; by default that of each source.

    Raises:
        ImageError: if the format is unknown or contradicts the output's name, an input does not
            exist, there is no picture at all, the output cannot be where they all go, two pictures
            would become one file, or a picture would overwrite an input.
    """
    if format and format not in codec.FORMATS:
        raise ImageError(f"no format {format!r}: choose {', '.join(codec.FORMATS)}")
    missing = [path for path in inputs if not path.exists()]
    if missing:
        raise ImageError(f"{missing[0]} does not exist")
    if output and output.suffix.lower() in codec.SUFFIXES and not output.is_dir():
        jobs = [_into_file(inputs, output, format)]
    else:
        jobs = _into_folder(inputs, output, recursive, format)
    if not jobs:
        hint = "" if recursive else "; --recursive looks into its folders too"
        raise ImageError(f"no pictures in {', '.join(map(str, inputs))}{hint}")
    _refuse_clashes(jobs)
    return jobs


def run(
    jobs: Sequence[Route],
    restorer: Restorer,
    *,
    overwrite: bool = False,
    format: str | None = None,
    quality: int | None = None,
    progress: Progress | None = None,
) -> Iterator[FileResult]:
    """Restore the pictures one by one; a failure is reported, and the next picture is restored."""
    for job in jobs:
        if job.target.exists() and not overwrite:
            yield FileResult(job.source, job.target, "skipped")
            continue
        started = time.perf_counter()
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
            restored = restorer.restore(job.source, progress=progress)
            restored.write(job.target, format=format, quality=quality)
        except (MirnetError, OSError, MemoryError) as error:
            yield FileResult(job.source, job.target, "failed", error=_reason(error, job.source))
            continue
        yield FileResult(
            job.source,
            job.target,
            "restored",
            restored.source.height,
            restored.source.width,
            time.perf_counter() - started,
            restored.tally.tiles,
            restored.tally.kept,
            restored.notes,
        )


def _into_file(inputs: Sequence[Path], output: Path, format: str | None) -> Route:
    if len(inputs) > 1 or not inputs[0].is_file():
        raise ImageError(f"{output} is the name of one picture: give a folder for several")
    if format and codec.WRITABLE.get(output.suffix.lower()) != format:
        raise ImageError(f"{output} does not end as {format} does: change it or leave out --format")
    return Route(inputs[0], output, Path(inputs[0].name))


def _into_folder(
    inputs: Sequence[Path],
    output: Path | None,
    recursive: bool,
    format: str | None,
) -> list[Route]:
    """Each picture once, into a folder or, without `output`, next to itself."""
    if output and output.is_file():
        raise ImageError(f"{output} is neither a folder nor named as a picture")
    jobs = dict.fromkeys(
        Route(source, _target(source, root, output, format), source.relative_to(root))
        for top in inputs
        for source, root in _pictures(top, output, recursive)
    )
    # `mirnet restore *.jpg`, run again, receives its own results too
    results = set() if output else {job.target.resolve() for job in jobs}
    return [job for job in jobs if job.source.resolve() not in results]


def _pictures(top: Path, output: Path | None, recursive: bool) -> Iterator[tuple[Path, Path]]:
    """The pictures below `top`, each with the folder that its relative path starts from."""
    if top.is_file():
        yield top, top.parent
        return
    found = [
        path
        for path in sorted(top.rglob("*") if recursive else top.iterdir())
        if path.suffix.lower() in codec.SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(top).parts)
    ]
    originals = {(path.parent, f"{path.stem}{SUFFIX}") for path in found}
    for path in found:
        if (path.parent, path.stem) not in originals and not _is_inside(path, output, top):
            yield path, top


def _is_inside(path: Path, output: Path | None, top: Path) -> bool:
    """Whether the picture lies in the output folder, and that folder below `top`."""
    if output is None:
        return False
    results = output.resolve()
    return top.resolve() in results.parents and path.resolve().is_relative_to(results)


def _target(source: Path, root: Path, output: Path | None, format: str | None) -> Path:
    suffix = codec.FORMATS[format].suffixes[0] if format else codec.output_suffix(source)
    if output is None:
        return source.with_name(f"{source.stem}{SUFFIX}{suffix}")
    return output / source.relative_to(root).with_suffix(suffix)


def _reason(error: Exception, source: Path) -> str:
    """Why a picture failed, with its name; file errors already contain the name."""
    reason = str(error) or "not enough memory"
    return reason if isinstance(error, (ImageError, OSError)) else f"{source}: {reason}"


def _refuse_clashes(jobs: Sequence[Route]) -> None:
    sources = {job.source.resolve() for job in jobs}
    claimed: dict[Path, Path] = {}
    for job in jobs:
        target = job.target.resolve()
        if target in sources:
            raise ImageError(
                f"{job.source} would overwrite the original {job.target}: choose another output"
            )
        if target in claimed:
            raise ImageError(
                f"{claimed[target]} and {job.source} would both become {job.target}: restore them "
                "into different folders or rename one"
            )
        claimed[target] = job.source
