"""SIDD-Medium as distributed: match its files to pairs, and cut patches from them.

Scenes are folders such as `0001_001_S6_00100_00060_3200_L`, with `0001_NOISY_SRGB_010.PNG` next to
`0001_GT_SRGB_010.PNG`. SIDD-Small omits the leading number.
"""

import re
from collections.abc import Generator
from functools import partial
from pathlib import Path

from mirnet.errors import DataError, ImageError
from mirnet.pairs.pairs import Pair
from mirnet.patches import patch_folder, patches, processes
from mirnet.patches.patches import CutJob, CutPlan, CutResult
from mirnet.patches.windows import GridWindows, RandomWindows, Window
from mirnet.pictures import codec
from mirnet.pictures.source import Source

NAME = re.compile(r"(?P<before>(?:.*_)?)(?P<half>NOISY|GT)_SRGB_(?P<index>\d+)(?i:\.png)")

NAMED = 5
"""Maximum number of files without a partner named in a message."""


def find(source: Path) -> dict[str, Pair]:
    """Find pairs by name: the scene's folder and the index, `0001_001_S6_00100_00060_3200_L_010`.

    They are matched by the folder and by the text around NOISY and GT.

    Args:
        source: a scene, the folder of the scenes, or its parent folder.

    Raises:
        DataError: if there are none, a file has no partner (up to five are named), or two pairs
            have one name.
    """
    if not source.is_dir():
        raise DataError(f"{source} is not a folder: give SIDD-Medium's, or one of its scenes")
    halves: dict[tuple[Path, str, str], dict[str, Path]] = {}
    for path in _files(source):
        match = NAME.fullmatch(path.name)
        if match:
            both = halves.setdefault((path.parent, match["before"], match["index"]), {})
            other = both.setdefault(match["half"], path)
            if other != path:
                raise DataError(f"{other} and {path.name} differ only in letter case")
    if not halves:
        raise DataError(
            f"{source} holds no pairs of SIDD, such as "
            "Data/0001_001_S6_00100_00060_3200_L/0001_NOISY_SRGB_010.PNG and 0001_GT_SRGB_010.PNG"
        )
    alone = [str(path) for both in halves.values() if len(both) == 1 for path in both.values()]
    if alone:
        more = f" and {len(alone) - NAMED} more" if len(alone) > NAMED else ""
        raise DataError(f"files without a partner: {', '.join(alone[:NAMED])}{more}")
    pairs: dict[str, Pair] = {}
    for (folder, _, index), both in halves.items():
        pair = Pair(both["NOISY"], both["GT"])
        other_pair = pairs.setdefault(f"{folder.resolve().name}_{index}", pair)
        if other_pair != pair:
            raise DataError(
                f"the patches of {other_pair.noisy} and {pair.noisy} would have the same names: "
                "rename a folder, or cut them into different ones"
            )
    return pairs


def plan(source: Path, folder: Path, scheme: RandomWindows | GridWindows) -> CutPlan[Pair, Window]:
    """Plan the missing patches. Headers are read, and nothing is written.

    Pairs whose headers cannot be read are listed as unusable.

    Args:
        source: see `find`.
        folder: folder of the patches.
        scheme: positions of the patches.

    Raises:
        DataError: as `find` and `patch_folder.refuse` do, and if the halves of a pair differ in
            size or are smaller than a patch; all such pairs are named.
    """
    jobs, unusable, wrong = [], [], []
    for name, pair in find(source).items():
        try:
            noisy, clean = codec.open(pair.noisy), codec.open(pair.clean)
        except ImageError as error:
            unusable.append(CutResult(name, 0, str(error)))
            continue
        size = noisy.height, noisy.width
        if size != (clean.height, clean.width):
            wrong.append(f"{_shown(noisy)}, {_shown(clean)}")
        elif min(size) < scheme.patch:
            wrong.append(f"{_shown(noisy)}, less than a patch of {scheme.patch}")
        else:
            windows = enumerate(scheme.windows(name, *size))
            cuts = {patches.name(name, number): window for number, window in windows}
            size_each = sum(
                patch_folder.stored_bytes(scheme.patch**2 * half.channels, half.dtype)
                for half in (noisy, clean)
            )
            jobs.append(CutJob(name, pair, cuts, size_each))
    if wrong:
        raise DataError(f"pairs that cannot be cut, by their sizes: {'; '.join(wrong)}")
    asked = {"pictures": "SIDD", **scheme.record()}
    return patches.plan(source, folder, asked, jobs, unusable)


def run(plan: CutPlan[Pair, Window], workers: int) -> Generator[CutResult, None, None]:
    """Cut the missing patches, one pair at a time in each process, and yield results as they come.

    Close the iterator (`contextlib.closing`) to stop early. The files do not depend on the number
    of workers or interruptions.

    Args:
        plan: made by `plan`.
        workers: number of processes, each with a pair of pictures in memory.

    Raises:
        DataError: if there is too little space, or a worker was killed.
        OSError: if folder or disk do not take the patches.
    """
    plan.start()
    yield from processes.run(partial(cut, plan.folder), plan.jobs, workers)


def cut(folder: Path, job: CutJob[Pair, Window], go_on: processes.GoOn = lambda: True) -> CutResult:
    """Read the pair, each file once, and write its patches; none if a file is damaged.

    Args:
        folder: prepared by `patch_folder.start`.
        job: the missing patches of the pair.
        go_on: called at the start and before each patch.

    Raises:
        OSError: if folder or disk do not take the patches.
    """
    if not go_on():
        return CutResult(job.name, 0)
    try:
        noisy, clean = codec.read(job.picture.noisy), codec.read(job.picture.clean)
    except (ImageError, MemoryError) as error:
        return CutResult(job.name, 0, str(error) or f"{job.name}: not enough memory")
    done = 0
    for name, window in job.patches.items():
        if not go_on():
            break
        where = window.slices()
        patch_folder.write(folder, name, noisy[where], clean[where])
        done += 1
    return CutResult(job.name, done)


def _files(source: Path) -> list[Path]:
    """All files of a scene, of a folder of scenes, or of its parent folder, sorted."""
    found = (path for depth in ("*", "*/*", "*/*/*") for path in source.glob(depth))
    # macOS adds hidden files next to the others when it unpacks archives
    return sorted(path for path in found if not path.name.startswith(".") and path.is_file())


def _shown(picture: Source) -> str:
    return f"{picture.name} {picture.width}x{picture.height}"
