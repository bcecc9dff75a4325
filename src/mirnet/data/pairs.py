"""Which noisy picture belongs to which clean one."""

from dataclasses import dataclass
from pathlib import Path

from mirnet.errors import DataError

NOISY, CLEAN = "input", "groundtruth"
"""The folders that hold the two halves."""


@dataclass(frozen=True)
class Pair:
    """Two files of one scene."""

    noisy: Path
    clean: Path


def find(folder: Path, suffixes: frozenset[str]) -> list[Pair]:
    """The pairs of `folder/input` and `folder/groundtruth`, matched by the stem of their names.

    Raises:
        DataError: if a folder is missing or empty, two pictures in one share a stem, or a picture
            has no partner; the message names up to five of those.
    """
    noisy, clean = (_by_stem(folder / half, suffixes) for half in (NOISY, CLEAN))
    alone = sorted(noisy.keys() ^ clean.keys())
    if alone:
        names = ", ".join(alone[:5]) + (f" and {len(alone) - 5} more" if len(alone) > 5 else "")
        raise DataError(f"{folder}: pictures without a partner of the same name: {names}")
    return [Pair(noisy[stem], clean[stem]) for stem in sorted(noisy)]


def _by_stem(folder: Path, suffixes: frozenset[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{folder} is missing: pairs lie in `{NOISY}/` and `{CLEAN}/`")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes:
            other = files.setdefault(path.stem, path)
            if other != path:
                raise DataError(f"{folder}: {other.name} and {path.name} have the same stem")
    if not files:
        raise DataError(f"{folder} holds no pictures")
    return files
