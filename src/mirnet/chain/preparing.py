"""The link `data`: pictures become patches, and patches shards, and nothing gets mixed up."""

from contextlib import closing
from pathlib import Path

import numpy as np

from mirnet import cores
from mirnet.chain import samples
from mirnet.chain.parts import Check, Outcome, Part
from mirnet.data import packing, patch_folder, sidd, sources
from mirnet.data.packed import Packed
from mirnet.data.pair_folder import PairFolder
from mirnet.data.pairs import Pairs
from mirnet.data.patches import name as patch_name
from mirnet.data.windows import RandomWindows
from mirnet.errors import DataError
from mirnet.image import codec

LINK = "data"

LEARNT, HELD_OUT = range(1, 13), range(13, 17)
"""Numbers of the drawn pictures."""
SIZE = (192, 256)
"""Their height and width."""
PATCHES = RandomWindows(patch=96, per_image=8, seed=0)
"""Of each drawn picture that is learnt from."""
HELD_OUT_PATCHES = RandomWindows(patch=128, per_image=1, seed=0)
SIDD_PATCHES = RandomWindows(patch=256, per_image=300, seed=0)
"""As `mirnet data sidd-patches` cuts them."""

SHARD_MB = 1024


def drawn(folder: Path) -> list[Part]:
    """Pictures are drawn, laid out as SIDD, cut and packed.

    Args:
        folder: gets `sidd/`, `patches/`, `packed/`, and of pictures that are not learnt from
            `sidd_held_out/` and `held_out/`.
    """
    pictures, held_out = folder / "sidd", folder / "sidd_held_out"

    def draw() -> Outcome:
        samples.sidd(pictures, LEARNT, *SIZE)
        samples.sidd(held_out, HELD_OUT, *SIZE)
        count = len(sidd.find(pictures)) + len(sidd.find(held_out))
        expected = len(LEARNT) + len(HELD_OUT)
        height, width = SIZE
        did = f"drew pictures of {height}x{width} and gave them the noise of a camera"
        return Outcome(did, (_count("pairs", count, expected),))

    return [
        Part(LINK, "pictures", draw),
        *from_sidd(pictures, folder, PATCHES),
        Part(LINK, "held out", lambda: _cut(held_out, folder / "held_out", HELD_OUT_PATCHES)),
    ]


def from_sidd(source: Path, folder: Path, scheme: RandomWindows = SIDD_PATCHES) -> list[Part]:
    """SIDD-Medium as it is distributed is cut and packed.

    Args:
        source: the folder of SIDD.
        folder: gets `patches/` and `packed/`.
        scheme: where it is cut.
    """
    patches, packed = folder / "patches", folder / "packed"
    return [
        Part(LINK, "patches", lambda: _cut(source, patches, scheme)),
        Part(LINK, "shards", lambda: _pack(source, patches, packed, scheme)),
    ]


def given(folder: Path) -> list[Part]:
    """Pairs are taken as they are.

    Args:
        folder: of pairs or of shards.
    """

    def look() -> Outcome:
        pairs = sources.open(folder)
        pairs.whole(0)
        return Outcome(f"took {folder} as it is", (Check("pairs", len(pairs), ">=", 1, form="d"),))

    return [Part(LINK, "pairs", look)]


def _cut(source: Path, folder: Path, scheme: RandomWindows) -> Outcome:
    plan = sidd.plan(source, folder, scheme)
    unusable = list(plan.unusable)
    with closing(sidd.run(plan, cores.available())) as results:
        unusable += [result for result in results if result.error]
    if unusable:
        raise DataError(unusable[0].error)
    there = len(patch_folder.finished(folder))
    same = matching(sources.open(folder), source, scheme)
    did = f"cut patches of {scheme.patch}x{scheme.patch}, {scheme.per_image} a picture"
    checks = _count("pairs", there, plan.patches), _count("cut alike", same, plan.patches)
    return Outcome(did, checks)


def _pack(source: Path, patches: Path, packed: Path, scheme: RandomWindows) -> Outcome:
    pairs = PairFolder(patches)
    jobs = packing.plan(pairs, packed, shard_mb=SHARD_MB)
    for job in packing.remaining(jobs):
        packing.write(pairs, job)
    shards = Packed(packed)
    same = matching(shards, source, scheme)
    count = len(pairs)
    checks = _count("pairs", len(shards), count), _count("cut alike", same, count)
    size = sum(job.path.stat().st_size for job in jobs)
    return Outcome(f"packed them, {size / 1e6:.1f} MB", checks)


def matching(pairs: Pairs, source: Path, scheme: RandomWindows) -> int:
    """How many pairs are, to the pixel, one place of both halves of one picture of SIDD.

    Args:
        pairs: patches, under the names that they were cut with.
        source: the folder of SIDD that they were cut from.
        scheme: where they were cut.

    Raises:
        DataError, ImageError: if pictures are missing or cannot be read.
    """
    numbers = {pairs.name(index): index for index in range(len(pairs))}
    same = 0
    for name, picture in sidd.find(source).items():
        noisy, clean = codec.read(picture.noisy), codec.read(picture.clean)
        for number, window in enumerate(scheme.windows(name, *noisy.shape[:2])):
            index = numbers.get(patch_name(name, number))
            if index is not None:
                there, where = pairs.whole(index), window.slices()
                same += all(map(np.array_equal, there, (noisy[where], clean[where])))
    return same


def _count(name: str, figure: int, expected: int) -> Check:
    return Check(name, figure, "=", expected, form="d")
