"""Noisy and clean patches from clean photographs, by the camera of `noise`.

A patch depends on the seed, its photograph's name and its number: adding photographs later does not
change the others' patches.
"""

from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mirnet.camera import noise
from mirnet.errors import DataError, ImageError
from mirnet.pairs.pairs import Patch
from mirnet.patches import patch_folder, patches, windows
from mirnet.patches.patches import CutJob, CutPlan, CutResult
from mirnet.pictures import codec, symmetry
from mirnet.shapes import Pixels
from mirnet.system.hashing import bucket_of

MULTIPLE = 16
"""The side of a patch is a multiple of this, for JPEG's blocks."""


def plan(
    source: Path,
    folder: Path,
    *,
    patch: int,
    per_image: int,
    seed: int,
    shard: tuple[int, int] = (0, 1),
) -> CutPlan[Path, int]:
    """Plan the missing patches. Headers are read, and nothing is written.

    Shards share the photographs by a hash of their names, and may write to one folder at the same
    time: together they write what one process would.

    Photographs that cannot be read, are not 8-bit RGB or are smaller than the patch and its margin
    are listed as unusable.

    Args:
        source: a folder of photographs; its subfolders are ignored.
        folder: folder of the patches.
        patch: side of the patches in pixels, a multiple of 16.
        per_image: number of patches per photograph.
        seed: 0 or more.
        shard: number of this shard, from 0, and number of shards.

    Raises:
        DataError: if the patch is no multiple of 16, there are no photographs, two have one stem,
            and as `patch_folder.refuse` does.
    """
    if patch <= 0 or patch % MULTIPLE:
        raise DataError(f"the side of a patch is a multiple of {MULTIPLE}, got {patch}")
    room = patch + 2 * noise.MARGIN
    size_each = 2 * patch_folder.stored_bytes(3 * patch**2, np.dtype(np.uint8))
    jobs, unusable = [], []
    number, shards = shard
    for stem, path in _photographs(source).items():
        if bucket_of(stem, shards) != number:
            continue
        problem = _problem(path, room)
        if problem:
            unusable.append(CutResult(path.name, 0, problem))
        else:
            numbers = {patches.name(stem, each): each for each in range(per_image)}
            jobs.append(CutJob(stem, path, numbers, size_each))
    asked = {"patch": patch, "per_image": per_image, "seed": seed}
    return patches.plan(source, folder, {"pictures": "synthetic", **asked}, jobs, unusable)


def run(plan: CutPlan[Path, int]) -> Generator[CutResult, None, None]:
    """Make the missing patches, one photograph at a time.

    Args:
        plan: made by `plan`.

    Raises:
        DataError: if there is too little space.
        OSError: if folder or disk do not take the patches.
    """
    plan.start()
    patch, seed = int(plan.asked["patch"]), int(plan.asked["seed"])
    for job in plan.jobs:
        try:
            photograph = codec.read(job.picture)
        except (ImageError, MemoryError) as error:
            yield CutResult(job.name, 0, str(error) or f"{job.picture}: not enough memory")
            continue
        for name, number in job.patches.items():
            noisy, clean = make(photograph, patch, windows.rng(seed, job.name, number))
            patch_folder.write(plan.folder, name, noisy, clean)
        yield CutResult(job.name, len(job.patches))


def make(photograph: Pixels, patch: int, rng: np.random.Generator) -> tuple[Patch, Patch]:
    """A noisy and a clean patch from a random position, flipped and rotated at random.

    Args:
        photograph: 8-bit RGB, at least patch + 2 · `noise.MARGIN` per side.
        patch: side in pixels, a multiple of 16.
        rng: source of all randomness.
    """
    height, width, _ = photograph.shape
    window = windows.somewhere(height, width, patch + 2 * noise.MARGIN, rng)
    scene = symmetry.turn(photograph[window.slices()], int(rng.integers(symmetry.COUNT)))
    batch = torch.from_numpy(np.ascontiguousarray(scene.transpose(2, 0, 1))[None]).float() / 255
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    noisy, clean = noise.degrade(batch, patch, generator)
    return _pixels(noisy), _pixels(clean)


def _pixels(batch: Float[Tensor, "1 3 s s"]) -> Patch:
    array: Patch = (batch[0] * 255).round().byte().permute(1, 2, 0).numpy()
    return array


def _photographs(source: Path) -> dict[str, Path]:
    """The pictures of a folder by their stems, sorted."""
    if not source.is_dir():
        raise DataError(f"{source} is not a folder of photographs")
    found: dict[str, Path] = {}
    for path in sorted(source.iterdir()):
        if path.suffix.lower() not in codec.SUFFIXES or path.name.startswith("."):
            continue
        other = found.setdefault(path.stem, path)
        if other != path:
            raise DataError(
                f"the patches of {other} and {path.name} would have the same names: rename one"
            )
    if not found:
        raise DataError(f"{source} holds no photographs")
    return found


def _problem(path: Path, room: int) -> str:
    """Why this photograph cannot be used, judging by its header; empty if it can."""
    try:
        picture = codec.open(path)
    except ImageError as error:
        return str(error)
    if picture.dtype != np.uint8 or picture.channels != 3:
        kind = "RGB" if picture.channels == 3 else "grey"
        return f"{path}: the camera model needs 8-bit RGB, this is {picture.dtype}, {kind}"
    if min(picture.height, picture.width) < room:
        size = f"{picture.width}x{picture.height}"
        return f"{path}: {size} is less than a patch and its margin, {room} a side"
    return ""
