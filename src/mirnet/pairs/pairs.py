"""Noisy and clean pictures of the same scenes: their locations, and the interface to read them."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8, UInt16

from mirnet.errors import DataError

LAYOUTS = (
    ("input", "groundtruth"),
    ("input_crops", "target_crops"),
    ("input", "target"),
    ("noisy", "clean"),
    ("lq", "gt"),
    ("low", "high"),
    ("lr", "hr"),
)
"""Names of the folders of the two halves, noisy and clean, in any letter case."""

TOGETHER = (r"_LR[234]?", "_HR")
"""Ends of the names of halves that lie in one folder, as RealSR's do (`Canon_001_LR2.png`)."""
SCALED = re.compile(r"x[234]$")
"""What DIV2K and Set5 add to the names of small halves, in layout `lr` and `hr` alone."""

Patch = UInt8[np.ndarray, "s s 3"] | UInt16[np.ndarray, "s s 3"]
"""A square patch of a picture as stored, RGB: the dtype determines the range."""

Truth = UInt8[np.ndarray, "s2 s2 3"] | UInt16[np.ndarray, "s2 s2 3"]
"""The clean half of a patch, of the same size or larger by a scale."""
Whole = UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w 3"]
WholeTruth = UInt8[np.ndarray, "h2 w2 3"] | UInt16[np.ndarray, "h2 w2 3"]
"""The same of whole pictures."""


@runtime_checkable
class Pairs(Protocol):
    """Noisy and clean pictures of scenes, by index.

    Returned arrays belong to the caller: they are contiguous and writable. The halves of a pair
    have the same size, or the clean one is `scale` times as high and wide if the pairs were opened
    for enlarging; they may differ in bit depth. Pairs can be pickled and used in worker processes.
    """

    def __len__(self) -> int:
        """Number of scenes."""
        ...

    def name(self, index: int) -> str:
        """The stem of both files of a scene."""
        ...

    def crop(self, index: int, side: int, place: tuple[float, float]) -> tuple[Patch, Truth]:
        """Noisy and clean, side side 3, uint8 or uint16, each in its own range.

        Args:
            index: index of the scene.
            side: in pixels of the noisy half.
            place: at least 0 and below 1, from the top and from the left: the patch begins at row
                floor(place[0] · (height - side + 1)), and likewise for its column.

        Raises:
            DataError: if the patch does not fit, or the pair is none that can be learnt from.
            ImageError: if a picture file cannot be read.
        """
        ...

    def whole(self, index: int) -> tuple[Whole, WholeTruth]:
        """Noisy and clean, h w 3, uint8 or uint16, each in its own range.

        Raises:
            DataError: if the pair is none that can be learnt from.
            ImageError: if a picture file cannot be read.
        """
        ...

    def check(self, side: int) -> None:
        """Check early, as far as this is cheap, that patches of `side` can be cut.

        Raises:
            DataError: if one will not.
            ImageError: if a picture file cannot be read.
        """
        ...


@dataclass(frozen=True)
class Pair:
    """The two files of a scene."""

    noisy: Path
    clean: Path


def find(folder: Path, suffixes: frozenset[str]) -> list[Pair]:
    """Find the pairs of a folder in one of the `LAYOUTS`, matched by the stems of their names.

    Sorted by stem. Hidden files are ignored. Halves may also lie in the folder itself if their
    names end as `TOGETHER` says.

    Args:
        folder: folder with the two halves as subfolders.
        suffixes: suffixes of pictures, lower-case.

    Raises:
        DataError: if not exactly one layout is there, a half is empty, two pictures in one share a
            stem, or a picture has no partner; the message names up to five of those.
    """
    together = _together(folder, suffixes)
    if together:
        noisy, clean = together
    else:
        halves = _halves(folder)
        noisy, clean = (_by_stem(half, suffixes) for half in halves)
        if halves[0].name.lower() == "lr":
            noisy = {SCALED.sub("", stem): path for stem, path in noisy.items()}
    alone = sorted(noisy.keys() ^ clean.keys())
    if alone:
        names = ", ".join(alone[:5]) + (f" and {len(alone) - 5} more" if len(alone) > 5 else "")
        raise DataError(f"{folder}: pictures without a partner of the same name: {names}")
    return [Pair(noisy[stem], clean[stem]) for stem in sorted(noisy)]


def window(
    name: str, size: tuple[int, int], side: int, place: tuple[float, float]
) -> tuple[slice, slice]:
    """Rows and columns of the patch at `place` (see `Pairs.crop`) in a picture of `size`, h w.

    Raises:
        DataError: if the patch does not fit.
    """
    fit(name, size, side)
    top, left = (math.floor(p * (n - side + 1)) for p, n in zip(place, size, strict=True))
    return slice(top, top + side), slice(left, left + side)


def fit(name: str, size: tuple[int, int], side: int) -> None:
    """Check that a patch fits into a picture of `size`, h w.

    Raises:
        DataError: if it does not.
    """
    if not 0 < side <= min(size):
        height, width = size
        raise DataError(
            f"{name}: a patch of {side} does not fit into a picture of {height}x{width}"
        )


def _halves(folder: Path) -> tuple[Path, Path]:
    """The folders of the only layout that exists."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder: pairs lie in a folder that contains {_known()}")
    there: dict[str, Path] = {}
    known = {half for layout in LAYOUTS for half in layout}
    for path in sorted(folder.iterdir()):
        if path.name.lower() in known and path.is_dir():
            other = there.setdefault(path.name.lower(), path)
            if other != path:
                raise DataError(f"{folder} holds {other.name}/ and {path.name}/: rename one")
    found = [(there[a], there[b]) for a, b in LAYOUTS if a in there and b in there]
    if not found:
        half = ", ".join(f"{path.name}/" for path in there.values())
        rest = f"; of these, {half} alone is there" if half else ""
        raise DataError(f"{folder} holds no pairs: expected the folders {_known()}{rest}")
    if len(found) > 1:
        first, second = (f"{noisy.name}/ and {clean.name}/" for noisy, clean in found[:2])
        raise DataError(f"{folder} holds {first}, but also {second}: move the unwanted ones away")
    return found[0]


def _together(
    folder: Path, suffixes: frozenset[str]
) -> tuple[dict[str, Path], dict[str, Path]] | None:
    """The halves that lie in one folder, by what their names have in common; None without any."""
    if not folder.is_dir():
        return None
    found: tuple[dict[str, Path], dict[str, Path]] = {}, {}
    for path in sorted(folder.iterdir()):
        for half, end in zip(found, TOGETHER, strict=True):
            match = re.fullmatch(rf"(.+){end}", path.stem)
            if match and path.suffix.lower() in suffixes and not path.name.startswith("."):
                other = half.setdefault(match[1], path)
                if other != path:
                    raise DataError(
                        f"{folder}: {other.name} and {path.name} are the same half of one pair: "
                        "give each scale a folder of its own"
                    )
    return found if all(found) else None


def _known() -> str:
    return ", or ".join(f"{noisy}/ and {clean}/" for noisy, clean in LAYOUTS)


def _by_stem(folder: Path, suffixes: frozenset[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes and not path.name.startswith("."):
            other = files.setdefault(path.stem, path)
            if other != path:
                raise DataError(f"{folder}: {other.name} and {path.name} have the same stem")
    if not files:
        raise DataError(f"{folder} holds no pictures")
    return files
