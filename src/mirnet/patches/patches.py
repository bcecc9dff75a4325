"""Make patches from many pictures: what is missing, its size on disk, and the results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from rich.filesize import decimal

from mirnet.errors import DataError
from mirnet.patches import patch_folder
from mirnet.patches.patch_folder import Asked
from mirnet.system.files import free_bytes

OriginalT = TypeVar("OriginalT")
PlaceT = TypeVar("PlaceT")


@dataclass(frozen=True)
class CutJob(Generic[OriginalT, PlaceT]):
    """Patches to make from one picture."""

    name: str
    picture: OriginalT
    """The file, or a pair of files."""
    patches: Mapping[str, PlaceT]
    """Positions at which patches are cut, by name."""
    bytes_each: int
    """Approximate bytes on disk per pair of patches."""


@dataclass(frozen=True)
class CutResult:
    """Result for one picture."""

    name: str
    patches: int
    """Number of pairs of patches that were missing and now exist."""
    error: str = ""


@dataclass(frozen=True)
class CutPlan(Generic[OriginalT, PlaceT]):
    """Everything left to do until all patches exist."""

    folder: Path
    asked: Asked
    jobs: tuple[CutJob[OriginalT, PlaceT], ...]
    """One job per picture with missing patches, with only the missing ones."""
    unusable: tuple[CutResult, ...]
    """Pictures that cannot be used."""
    pictures: int
    """Number of usable pictures."""
    patches: int
    """Total number of pairs of patches."""

    @property
    def missing(self) -> int:
        """Number of pairs of patches that do not exist yet."""
        return sum(len(job.patches) for job in self.jobs)

    @property
    def bytes(self) -> int:
        """Approximate bytes on disk of the missing patches."""
        return sum(len(job.patches) * job.bytes_each for job in self.jobs)

    def require_space(self) -> int:
        """Check that there is enough disk space; returns the free bytes.

        Raises:
            DataError: if the missing patches need more.
        """
        free = free_bytes(self.folder)
        if self.bytes > free:
            raise DataError(
                f"{self.folder}: {self.missing} pairs of patches need about {decimal(self.bytes)}, "
                f"and {decimal(free)} are free: request fewer, or choose another disk"
            )
        return free

    def start(self) -> None:
        """Prepare the folder for the first patch, if any is missing.

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
    jobs: Sequence[CutJob[OriginalT, PlaceT]],
    unusable: Sequence[CutResult],
) -> CutPlan[OriginalT, PlaceT]:
    """Leave out the patches that already exist. Nothing is written.

    Args:
        source: folder of the pictures.
        folder: folder of the patches.
        asked: everything that the patches depend on besides the pictures.
        jobs: jobs with all patches.
        unusable: passed on unchanged.

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
    """Name of a patch, without suffix; numbers count from 0."""
    return f"{picture}_{number:03}"
