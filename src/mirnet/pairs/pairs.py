"""Noisy and clean pictures of the same scenes: their locations, and the interface to read them."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8, UInt16

from mirnet.errors import DataError
from mirnet.shapes import Image, Larger

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

VIEWS = (
    ("inputL", "inputR", "target"),
    ("inputL_crops", "inputR_crops", "target_crops"),
)
"""Names of the folders of left views, right views and clean pictures of a dual-pixel sensor, in any
letter case. `find` also knows such pairs as DPDD is published, see `_published`."""

CAPTURES = 3
"""Largest difference between the numbers that a camera gave the two shots of a scene in DPDD."""

TOGETHER = (r"_LR[234]?", "_HR")
"""Ends of the names of halves that lie in one folder, as RealSR's do (`Canon_001_LR2.png`)."""
SCALED = re.compile(r"x[234]$")
"""What DIV2K and Set5 add to the names of small halves, in layout `lr` and `hr` alone."""

Patch = UInt8[np.ndarray, "s s c"] | UInt16[np.ndarray, "s s c"]
"""A square patch of a picture as stored: the dtype determines the range. c is 3, RGB, or 6 for two
views, the left one first."""

Truth = UInt8[np.ndarray, "s2 s2 3"] | UInt16[np.ndarray, "s2 s2 3"]
"""The clean half of a patch, of the same size or larger by a scale."""
Whole = UInt8[np.ndarray, "h w c"] | UInt16[np.ndarray, "h w c"]
WholeTruth = UInt8[np.ndarray, "h2 w2 3"] | UInt16[np.ndarray, "h2 w2 3"]
"""The same of whole pictures."""


@runtime_checkable
class Pairs(Protocol):
    """Noisy and clean pictures of scenes, by index.

    Returned arrays belong to the caller: they are contiguous and writable. The halves of a pair
    have the same size, or the clean one is `scale` times as high and wide if the pairs were opened
    for enlarging; they may differ in bit depth. The noisy half has 3 channels per view. Pairs can
    be pickled and used in worker processes.
    """

    @property
    def views(self) -> int:
        """Number of noisy pictures of a scene: 2 for those of a dual-pixel sensor, otherwise 1."""
        ...

    def __len__(self) -> int:
        """Number of scenes."""
        ...

    def name(self, index: int) -> str:
        """The stem of both files of a scene."""
        ...

    def crop(self, index: int, side: int, place: tuple[float, float]) -> tuple[Patch, Truth]:
        """Noisy, side side 3 or 6, and clean, side side 3: uint8 or uint16, each in its own range.

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
        """Noisy, h w 3 or 6, and clean, h w 3: uint8 or uint16, each in its own range.

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
    """The files of a scene: two, or three if there are two views."""

    noisy: Path
    """The noisy picture, or the left view."""
    clean: Path
    right: Path | None = None
    """The right view of a dual-pixel sensor."""

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The noisy picture, or the left and the right view."""
        return (self.noisy, self.right) if self.right else (self.noisy,)


def find(folder: Path, suffixes: frozenset[str]) -> list[Pair]:
    """Find the pairs of a folder in one of the `LAYOUTS`, matched by the stems of their names.

    Sorted by stem. Hidden files are ignored. Halves may also lie in the folder itself if their
    names end as `TOGETHER` says. In a layout of `VIEWS`, each pair has two views.

    Args:
        folder: folder with the halves as subfolders; or what the names of three folders have in
            common, see `_published`.
        suffixes: suffixes of pictures, lower-case.

    Raises:
        DataError: if not exactly one layout is there, a half is empty, two pictures in one share a
            stem, or a picture has no partner; the message names up to five of those.
    """
    halves = _together(folder, suffixes) or _published(folder, suffixes)
    if not halves:
        folders = _halves(folder)
        halves = tuple(_by_stem(half, suffixes) for half in folders)
        if folders[0].name.lower() == "lr":
            halves = {SCALED.sub("", stem): path for stem, path in halves[0].items()}, halves[1]
    first, *others = (set(half) for half in halves)
    alone = sorted(first.union(*others) - first.intersection(*others))
    if alone:
        names = ", ".join(alone[:5]) + (f" and {len(alone) - 5} more" if len(alone) > 5 else "")
        raise DataError(f"{folder}: pictures without a partner of the same name: {names}")
    noisy, *right, clean = halves
    return [
        Pair(noisy[stem], clean[stem], *(views[stem] for views in right)) for stem in sorted(noisy)
    ]


def as_one(noisy: Image) -> Larger:
    """The noisy half as one RGB picture, for the eye and for scores: the mean of two views.

    What the whole lens saw is that mean, nearly: the camera adds the views up before it develops.

    Args:
        noisy: h w 3, or h w 6 for two views; in 0..1.
    """
    return noisy if noisy.shape[2] == 3 else (noisy[..., :3] + noisy[..., 3:]) / 2


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


def _halves(folder: Path) -> tuple[Path, ...]:
    """The folders of the only layout that exists, clean last."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder: pairs lie in a folder that contains {_known()}")
    there: dict[str, Path] = {}
    layouts = (*LAYOUTS, *VIEWS)
    known = {half.lower() for layout in layouts for half in layout}
    for path in sorted(folder.iterdir()):
        if path.name.lower() in known and path.is_dir():
            other = there.setdefault(path.name.lower(), path)
            if other != path:
                raise DataError(f"{folder} holds {other.name}/ and {path.name}/: rename one")
    lowered = [[half.lower() for half in layout] for layout in layouts]
    found = [tuple(there[half] for half in each) for each in lowered if there.keys() >= set(each)]
    if not found:
        half = ", ".join(f"{path.name}/" for path in there.values())
        rest = f"; of these, {half} alone is there" if half else _parts(folder)
        raise DataError(f"{folder} holds no pairs: expected the folders {_known()}{rest}")
    if len(found) > 1:
        first, second = (_listed(path.name for path in halves) for halves in found[:2])
        raise DataError(f"{folder} holds {first}, but also {second}: move the unwanted ones away")
    return found[0]


def _published(folder: Path, suffixes: frozenset[str]) -> tuple[dict[str, Path], ...] | None:
    """Left views, right views and clean pictures of DPDD as published; None if it is not that.

    They lie in `NAME_l/source`, `NAME_r/source` and `NAME_c/target`, where NAME is train, val or
    test: for `DPDD/test`, the folders are `DPDD/test_l/source` and so on. Views have one name that
    ends in `_L` and `_R`, or both the same. A clean picture has that name, or one of its own, as
    the camera counted on between the shots: then they are matched in their order.
    """
    if folder.is_dir() or not folder.with_name(f"{folder.name}_l").is_dir():
        return None
    parts = (("l", "source"), ("r", "source"), ("c", "target"))
    places = [folder.with_name(f"{folder.name}_{part}") / half for part, half in parts]
    missing = next((place for place in places if not place.is_dir()), None)
    if missing:
        raise DataError(f"{missing} is not a folder: pairs of two views lie in {_listed(places)}")
    left, right, clean = (_by_stem(place, suffixes) for place in places)
    left = {stem.removesuffix("_L"): path for stem, path in left.items()}
    right = {stem.removesuffix("_R"): path for stem, path in right.items()}
    if not left.keys() & clean.keys():
        clean = _by_capture(places[2], left, clean)
    return left, right, clean


def _by_capture(
    folder: Path, views: Mapping[str, Path], clean: Mapping[str, Path]
) -> dict[str, Path]:
    """The clean pictures of a folder under the names of their views, matched in their order."""
    if len(views) != len(clean):
        raise DataError(
            f"{folder} holds {len(clean)} pictures for {len(views)} pairs of views, and other "
            "names: give each the name of its views"
        )
    matched = {}
    for view, stem in zip(sorted(views), sorted(clean), strict=True):
        # in their order alone, one missing shot would shift all that follow
        names = [re.fullmatch(r"(.*?)(\d+)", each) for each in (view, stem)]
        first, second = (match.groups() if match else ("", "") for match in names)
        if first[0] != second[0] or abs(int(first[1] or 0) - int(second[1] or 0)) > CAPTURES:
            raise DataError(
                f"{folder}: {stem} is not the picture of {view}, which is at its place in their "
                "order: give each the name of its views"
            )
        matched[view] = clean[stem]
    return matched


def _parts(folder: Path) -> str:
    """What to give instead of a folder that holds those of `_published`."""
    names = sorted(path.name[:-2] for path in folder.glob("?*_l") if (path / "source").is_dir())
    given = " or ".join(str(folder / name) for name in names)
    return f"; of DPDD as published, give {given}" if names else ""


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
    return ", or ".join(map(_listed, (*LAYOUTS, *VIEWS)))


def _listed(folders: Iterable[Path | str]) -> str:
    """Folders in a message.

    >>> _listed(("inputL", "inputR", "target"))
    'inputL/, inputR/ and target/'
    """
    *others, last = (f"{folder}/" for folder in folders)
    return f"{', '.join(others)} and {last}"


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
