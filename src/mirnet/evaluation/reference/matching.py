"""Match each restored picture with its reference, before the first one is restored."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mirnet.errors import DataError
from mirnet.pictures import codec
from mirnet.pictures.vips import shown
from mirnet.restoration.folder import Route

NAMED = 5
"""Maximum number of pictures listed in a message."""


def match(jobs: Sequence[Route], reference: Path) -> dict[Path, Path]:
    """The reference of each job, by the job's target.

    Args:
        jobs: as returned by `folder.plan`.
        reference: a folder that mirrors the inputs: each picture's reference has the same position
            in the tree and the same stem, with the suffix of any picture. Or, for a single job, the
            reference itself.

    Raises:
        DataError: if the folder is missing, a picture has no reference or several, it is its own
            reference, or its result would take the name and place of a reference.
    """
    if not reference.exists():
        raise DataError(
            f"{shown(reference)} does not exist: give the folder that holds the references"
        )
    found = _in_folder(jobs, reference) if reference.is_dir() else _file(jobs, reference)
    _refuse_clashes(jobs, found)
    return found


def _file(jobs: Sequence[Route], reference: Path) -> dict[Path, Path]:
    if len(jobs) > 1:
        raise DataError(
            f"{shown(reference)} is the reference of one picture: give a folder of them for "
            f"{len(jobs)}"
        )
    return {jobs[0].target: reference}


def _in_folder(jobs: Sequence[Route], folder: Path) -> dict[Path, Path]:
    parts = {job.place.parent for job in jobs}
    there = {part: _by_stem(folder / part) for part in parts}
    found = {job: there[job.place.parent].get(job.place.stem, []) for job in jobs}
    alone = [job.source for job, candidates in found.items() if not candidates]
    if alone:
        raise DataError(
            f"{shown(folder)} holds no reference for {_listed(map(shown, alone))}: put a picture "
            "of the same name at the same place in it"
        )
    unsure = [
        f"{shown(job.source)} ({', '.join(shown(Path(path.name)) for path in candidates)})"
        for job, candidates in found.items()
        if len(candidates) > 1
    ]
    if unsure:
        raise DataError(
            f"{shown(folder)} holds several references for {_listed(unsure)}: keep one of each"
        )
    return {job.target: candidates[0] for job, candidates in found.items()}


def _by_stem(folder: Path) -> dict[str, list[Path]]:
    """The pictures of a folder, which may not exist, by the stems of their names."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() in codec.SUFFIXES and path.is_file():
            files.setdefault(path.stem, []).append(path)
    return files


def _refuse_clashes(jobs: Sequence[Route], found: dict[Path, Path]) -> None:
    # a result next to a reference, with its stem, would be a second reference in the next run
    taken = {path.resolve().with_suffix("") for path in found.values()}
    for job in jobs:
        if Path(os.path.realpath(job.target)).with_suffix("") in taken:
            raise DataError(
                f"the result {shown(job.target)} would have the name and place of a reference: "
                "choose another output"
            )
        if job.source.resolve() == found[job.target].resolve():
            raise DataError(
                f"{shown(job.source)} would be compared with itself: give its clean picture"
            )


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    rest = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return ", ".join(every[:NAMED]) + rest
