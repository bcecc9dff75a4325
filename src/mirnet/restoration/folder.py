"""Many pictures: map inputs to output files, and restore them one after another.

All checks run before the first picture is restored. Finished files are complete (they are renamed
into place), so an existing target is done, and a second run resumes where the first one stopped.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from mirnet.errors import ImageError, MirnetError
from mirnet.pictures import codec
from mirnet.pictures.vips import shown
from mirnet.restoration.restorer import Progress, Restorer
from mirnet.system import files

SUFFIX = "_restored"
"""Suffix of the name of a picture that is restored next to its source."""

RESULT = re.compile(rf"(.+){SUFFIX}(_strength[0-9.e-]+)?", re.DOTALL)
"""Names, without what follows the last dot, of such pictures: the source's name comes first."""

STRENGTH = ".mirnet-strength"
"""File in a folder of results whose plain names stand for another strength than 1."""

UNWRITABLE = frozenset(
    (
        *(".gif", ".bmp", ".heic", ".heif", ".hif", ".jxl", ".jp2", ".j2k", ".jxr", ".psd", ".psb"),
        *(".svg", ".pdf", ".eps", ".ico", ".tga", ".exr", ".hdr", ".ppm", ".pgm", ".pnm", ".apng"),
        *(".jfif", ".jpe"),
    )
)
"""Suffixes of pictures that are not written: hardly anybody wants a folder of such a name."""


@dataclass(frozen=True)
class Route:
    """One picture to restore."""

    source: Path
    target: Path
    place: Path = field(compare=False)
    """Path below the input folder in which it was found; its name if it was given directly."""
    right: Path | None = None
    """The right view if the source is the left one of a dual-pixel sensor."""


@dataclass(frozen=True)
class FileResult:
    """Result of one picture."""

    source: Path
    target: Path
    status: Literal["restored", "skipped", "failed"]
    height: int = 0
    width: int = 0
    """Size of the source."""
    seconds: float = 0.0
    tiles: int = 0
    tiles_kept: int = 0
    """Tiles that were left unchanged, since the network's output was not a valid picture."""
    notes: tuple[str, ...] = ()
    """What changed besides the noise, such as CMYK converted to sRGB."""
    error: str = ""
    scale: int = 1
    """Ratio of the result's height and width to the source's."""


@dataclass
class LeftOut:
    """What was found in the input folders and is no picture to restore."""

    kinds: Counter[str] = field(default_factory=Counter)
    """Number of files by suffix, lower-case, or what takes its place."""
    unreadable: list[str] = field(default_factory=list)
    """Subfolders that cannot be listed, each with the reason."""

    def __str__(self) -> str:
        """The kinds, the most frequent first; empty if there are none."""
        return ", ".join(f"{count} {shown(kind)}" for kind, count in self.kinds.most_common())


def plan(
    inputs: Sequence[Path],
    output: Path | None = None,
    *,
    recursive: bool = False,
    format: str | None = None,
    left_out: LeftOut | None = None,
    strength: float = 1.0,
) -> list[Route]:
    """Map pictures to target files, in the order given, folders sorted.

    Args:
        inputs: files and folders. A folder stands for the pictures in it, without earlier results.
        output: a folder, created if needed, in which the tree of an input folder is kept; or, for a
            single input file, a file with a picture's suffix. Without it, `NAME_restored.EXT` next
            to the input; such files among the inputs then count as earlier results.
        recursive: whether subfolders are searched too.
        format: png, jpeg, ...: format of the targets; by default that of each source.
        left_out: receives what the folders hold besides pictures.
        strength: how much of the noise is removed. Results of another strength keep their names:
            the new ones say `_strength0.7` unless `output` is a file, or a folder whose pictures
            have this strength. Next to the inputs, plain names are of strength 1.

    Raises:
        ImageError: if the format is unknown or contradicts the output's name, an input does not
            exist or is neither file nor folder, there is no picture at all, the output cannot be
            where they all go, two pictures would become one file, or a picture would overwrite an
            input.
        OSError: if an input cannot be read.
    """
    left_out = LeftOut() if left_out is None else left_out
    if format:
        codec.check_format(format, codec.NAMES)
    missing = [path for path in inputs if not path.exists()]
    if missing:
        raise ImageError(f"{missing[0]} does not exist")
    if special := [path for path in inputs if not path.is_file() and not path.is_dir()]:
        raise ImageError(f"{special[0]} is neither a file nor a folder: save the picture as a file")
    if output and _is_file_name(output):
        jobs = [_into_file(inputs, output, format)]
    else:
        mark = "" if strength == _plain_strength(output, strength) else f"_strength{strength:g}"
        jobs = _into_folder(inputs, output, recursive, format, left_out, mark)
    if not jobs:
        others = "; ".join(filter(None, (str(left_out), *left_out.unreadable)))
        found = f" (left out: {others})" if others else ""
        hint = "" if recursive else "; --recursive looks into its folders too"
        raise ImageError(f"no pictures in {', '.join(map(str, inputs))}{found}{hint}")
    _refuse_clashes(jobs)
    return jobs


def note_strength(jobs: Sequence[Route], output: Path | None, strength: float) -> None:
    """Note in a new folder of results that its plain names stand for this strength, unless it is 1.

    Call it after `plan`, before the first picture is restored.

    Raises:
        OSError: if the folder cannot be made or takes no file.
    """
    if strength == 1 or output is None or not jobs or _is_file_name(output):
        return
    if not (output / STRENGTH).exists() and not _holds_pictures(output):
        set_strength(output, strength)


def set_strength(output: Path, strength: float) -> None:
    """Write down for which strength the plain names in a folder of results stand.

    Raises:
        OSError: if the folder cannot be made or takes no file.
    """
    output.mkdir(parents=True, exist_ok=True)
    with files.replacing(output / STRENGTH) as part:
        part.write_text(f"{strength:g}\n", encoding="ascii")


def _plain_strength(output: Path | None, strength: float) -> float:
    """The strength that plain names stand for; in a folder without pictures, the given one."""
    if output is None:
        return 1.0
    try:
        return float((output / STRENGTH).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 1.0 if _holds_pictures(output) else strength


def _holds_pictures(folder: Path) -> bool:
    return any(
        Path(name).suffix.lower() in codec.SUFFIXES
        for _, _, names in os.walk(folder)
        for name in names
    )


def _is_file_name(output: Path) -> bool:
    """Whether this is the name of a picture, not of a folder of results."""
    return output.suffix.lower() in codec.SUFFIXES and not output.is_dir()


def found(
    top: Path,
    output: Path,
    *,
    recursive: bool = False,
    format: str | None = None,
    left_out: LeftOut | None = None,
) -> Iterator[Route]:
    """The pictures that a folder holds now, sorted, without any check; arguments as for `plan`.

    Raises:
        OSError: if the folder cannot be read.
    """
    left_out = LeftOut() if left_out is None else left_out
    for source, root in _pictures(top, output, recursive, left_out):
        yield Route(source, _target(source, root, output, format), source.relative_to(root))


def pair_views(jobs: Sequence[Route], right: Path) -> list[Route]:
    """The same pictures as left views, each with its right one.

    Args:
        jobs: of `plan`, whose inputs were the left views.
        right: a file for a single picture; else a folder in which the right views lie as the left
            ones do, with the same names.

    Raises:
        ImageError: if a right view is missing, or is the left one.
    """
    if right.is_file() and len(jobs) > 1:
        raise ImageError(f"{right} is one picture, and there are {len(jobs)} left views")
    targets = {_real(job.target) for job in jobs}
    paired = []
    for job in jobs:
        view = right if right.is_file() else right / job.place
        if not view.is_file():
            raise ImageError(f"{job.source} has no right view: {view} does not exist")
        if view.samefile(job.source):
            raise ImageError(f"{view} is the left view and the right one: give two files")
        if _real(view) in targets:
            raise ImageError(f"{view} would be overwritten: choose another output")
        paired.append(replace(job, right=view))
    return paired


def run(
    jobs: Sequence[Route],
    restorer: Restorer,
    *,
    overwrite: bool = False,
    format: str | None = None,
    quality: int | None = None,
    progress: Progress | None = None,
) -> Iterator[FileResult]:
    """Restore the pictures one by one; a failure is reported, and the next picture is restored.

    What killed runs left in a folder of results is removed when the first picture goes there.
    """
    tidied = set()
    for job in jobs:
        started = time.perf_counter()
        try:
            if job.target.parent not in tidied:
                tidied.add(job.target.parent)
                files.remove_stale(job.target.parent)
            if is_done(job) and not overwrite:
                yield FileResult(job.source, job.target, "skipped")
                continue
            job.target.parent.mkdir(parents=True, exist_ok=True)
            kind = format or codec.WRITABLE.get(job.target.suffix.lower())
            restored = restorer.restore(job.source, job.right, format=kind, progress=progress)
            restored.write(job.target, format=format, quality=quality)
        except (MirnetError, OSError, MemoryError) as error:
            yield FileResult(job.source, job.target, "failed", error=_reason(error, job))
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
            scale=restored.scale,
        )


def is_done(job: Route) -> bool:
    """Whether the picture's result is there. A pipe is none: it takes one result after the other.

    Raises:
        OSError: if it cannot be found out, as with a name that is too long.
    """
    return job.target.is_file()


def target_suffix(source: Path, format: str | None) -> str:
    """The suffix of the restored `source`, in a format of `codec.FORMATS` or in its own.

    >>> target_suffix(Path("a.NEF"), None), target_suffix(Path("a.JPG"), "png")
    ('.tif', '.png')
    """
    return codec.suffix_of(format) if format else codec.output_suffix(source)


def _into_file(inputs: Sequence[Path], output: Path, format: str | None) -> Route:
    if len(inputs) > 1 or not inputs[0].is_file():
        raise ImageError(f"{output} is the name of one picture: give a folder for several")
    if output.is_char_device() or output.is_block_device():
        raise ImageError(f"{output} is a device: give a file or a folder")
    if format and codec.WRITABLE.get(output.suffix.lower()) != format:
        raise ImageError(f"{output} does not end as {format} does: change it or leave out --format")
    return Route(inputs[0], output, Path(inputs[0].name))


def _into_folder(
    inputs: Sequence[Path],
    output: Path | None,
    recursive: bool,
    format: str | None,
    left_out: LeftOut,
    mark: str,
) -> list[Route]:
    """Each picture once, into a folder or, without `output`, next to itself."""
    if output and output.exists() and not output.is_dir():
        raise ImageError(f"{output} is neither a folder nor named as a picture")
    if output and output.suffix.lower() in UNWRITABLE and not output.is_dir():
        known = ", ".join(codec.WRITABLE)
        raise ImageError(
            f"{output} cannot be written: names of pictures end in {known}; if it is to be a "
            "folder, make it first"
        )
    jobs = dict.fromkeys(
        Route(source, _target(source, root, output, format, mark), source.relative_to(root))
        for top in inputs
        for source, root in _pictures(top, output, recursive, left_out)
    )
    if output:
        return list(jobs)
    # `mirnet restore *.jpg`, run again, receives its own results too, of all strengths
    originals = {(_real(job.source.parent), job.source.stem) for job in jobs}
    return [job for job in jobs if not _is_result(job.source, originals)]


def _pictures(
    top: Path, output: Path | None, recursive: bool, left_out: LeftOut
) -> Iterator[tuple[Path, Path]]:
    """The pictures below `top`, each with the folder that its relative path starts from."""
    if top.is_file():
        yield top, top.parent
        return
    found = []
    for path in sorted(_entries(top, recursive, left_out)):
        if path.suffix.lower() not in codec.SUFFIXES:
            left_out.kinds[path.suffix.lower() or "without a suffix"] += 1
        elif _is_special(path):
            left_out.kinds[f"{path.suffix.lower()} that is no file"] += 1
        else:
            found.append(path)
    originals = {(_real(path.parent), path.stem) for path in found}
    for path in found:
        if not _is_result(path, originals) and not _is_inside(path, output, top):
            yield path, top


def _is_result(path: Path, originals: Set[tuple[Path, str]]) -> bool:
    """Whether the name is that of a result of one of the originals, each by folder and name."""
    result = RESULT.fullmatch(path.stem)
    return result is not None and (_real(path.parent), result[1]) in originals


def _is_special(path: Path) -> bool:
    """Whether it is no file; one that nobody may look at is reported when its turn comes."""
    try:
        return not path.is_file()
    except OSError:
        return False


def _entries(top: Path, recursive: bool, left_out: LeftOut) -> Iterator[Path]:
    """Everything below `top` that is visible and no folder."""

    def note(error: OSError) -> None:
        if Path(error.filename) == top:
            raise error
        left_out.unreadable.append(f"{shown(error.filename)} cannot be read: {error.strerror}")

    for folder, inner, names in os.walk(top, onerror=note):
        inner[:] = [name for name in inner if recursive and not name.startswith(".")]
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _is_inside(path: Path, output: Path | None, top: Path) -> bool:
    """Whether the picture lies in the output folder, and that folder below `top`."""
    if output is None:
        return False
    results = _real(output)
    return _real(top) in results.parents and _real(path).is_relative_to(results)


def _real(path: Path) -> Path:
    """The path without links. Unlike `Path.resolve`, it takes links that lead to themselves."""
    return Path(os.path.realpath(path))


def _target(
    source: Path, root: Path, output: Path | None, format: str | None, mark: str = ""
) -> Path:
    suffix = target_suffix(source, format)
    if output is None:
        return source.with_name(f"{source.stem}{SUFFIX}{mark}{suffix}")
    return output / source.relative_to(root).with_name(f"{source.stem}{mark}{suffix}")


def _reason(error: Exception, job: Route) -> str:
    """Why a picture failed, with its name."""
    if isinstance(error, ImageError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{shown(os.fsdecode(error.filename))}: {error.strerror}"
    return f"{shown(job.source)}: {str(error) or 'not enough memory'}"


def _refuse_clashes(jobs: Sequence[Route]) -> None:
    sources = {_real(job.source) for job in jobs}
    claimed: dict[Path, Path] = {}
    for job in jobs:
        target = _real(job.target)
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
