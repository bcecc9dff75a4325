"""Making patches of many pictures: what is missing, what it takes, what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from rich.filesize import decimal

from mirnet.errors import DataError
from mirnet.patches import patch_folder
from mirnet.patches.patch_folder import Asked
from mirnet.system.files import free_bytes

Picture = TypeVar("Picture")
Place = TypeVar("Place")


@dataclass(frozen=True)
class CutJob(Generic[Picture, Place]):
    """Patches of one picture."""

    name: str
    picture: Picture
    """The file, or a pair of them."""
    patches: Mapping[str, Place]
    """By name; where each of them is cut."""
    bytes_each: int
    """What a pair of patches takes on the disk, about."""


@dataclass(frozen=True)
class CutResult:
    """What became of one picture."""

    name: str
    patches: int
    """Pairs of patches that were missing before and are there now."""
    error: str = ""


@dataclass(frozen=True)
class CutPlan(Generic[Picture, Place]):
    """What is still to be done until all patches are there."""

    folder: Path
    asked: Asked
    jobs: tuple[CutJob[Picture, Place], ...]
    """One for each picture of which patches are missing, and of these the missing ones alone."""
    unusable: tuple[CutResult, ...]
    """Pictures that cannot be used."""
    pictures: int
    """All others."""
    patches: int
    """Pairs of patches that there will be."""

    @property
    def missing(self) -> int:
        """Pairs of patches that are not there yet."""
        return sum(len(job.patches) for job in self.jobs)

    @property
    def bytes(self) -> int:
        """What the missing ones take on the disk, about."""
        return sum(len(job.patches) * job.bytes_each for job in self.jobs)

    def require_space(self) -> int:
        """What is free on the disk, in bytes.

        Raises:
            DataError: if the missing patches need more.
        """
        free = free_bytes(self.folder)
        if self.bytes > free:
            raise DataError(
                f"{self.folder}: {self.missing} pairs of patches need about {decimal(self.bytes)}, "
                f"and {decimal(free)} are free: ask for fewer, or choose another disk"
            )
        return free

    def start(self) -> None:
        """Make the folder ready for the first patch, if there is one to come.

        Raises:
            DataError: as `require_space` does.
            OSError: if folder or disk do not take it.
        """
        if self.jobs:
            self.require_space()
            patch_folder.start(self.folder, self.asked)


def plan(
    source: Path,
    folder: Path,
    asked: Asked,
    jobs: Sequence[CutJob[Picture, Place]],
    unusable: Sequence[CutResult],
) -> CutPlan[Picture, Place]:
    """Leave out the patches that are there already. Nothing is written.

    Args:
        source: where the pictures lie.
        folder: where the patches go.
        asked: everything that the patches depend on besides the pictures.
        jobs: with all patches.
        unusable: is handed on.

    Raises:
        DataError: as `patch_folder.refuse` does.
    """
    names = [name for job in jobs for name in job.patches]
    patch_folder.refuse(folder, source, asked, names)
    done = patch_folder.finished(folder)
    missing = (
        replace(job, patches={n: place for n, place in job.patches.items() if n not in done})
        for job in jobs
    )
    return CutPlan(
        folder,
        asked,
        tuple(job for job in missing if job.patches),
        tuple(unusable),
        len(jobs),
        len(names),
    )


def name(picture: str, number: int) -> str:
    """Of a patch, without suffix; numbers count from 0."""
    return f"{picture}_{number:03}"
