"""The link `data`: draw, cut and pack pictures, and check that none are mixed up.

Pictures are drawn, so that no photographs have to be shipped. They are dead leaves (Lee et al.,
IJCV 2001): shapes of all sizes that cover one another, with edges and a spectrum like those of
photographs; here with gradients and stripes on them.
"""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from mirnet.camera import noise
from mirnet.chain.parts import FigureCheck, Findings, LinkPart
from mirnet.errors import DataError
from mirnet.pairs import packing, sources
from mirnet.pairs.packed import Packed
from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.pairs import Pairs
from mirnet.patches import patch_folder, sidd
from mirnet.patches.patches import name as patch_name
from mirnet.patches.windows import RandomWindows
from mirnet.pictures import codec
from mirnet.pictures.pixels import Rgb
from mirnet.system import cores

LEARNT, HELD_OUT = range(1, 13), range(13, 17)
"""Numbers of the drawn pictures."""
SIZE = (192, 256)
"""Height and width of the drawn pictures."""
PATCHES = RandomWindows(patch=96, per_image=8, seed=0)
"""Patches of each drawn picture for training."""
HELD_OUT_PATCHES = RandomWindows(patch=128, per_image=1, seed=0)
SIDD_PATCHES = RandomWindows(patch=256, per_image=300, seed=0)
"""As cut by `mirnet data sidd-patches`."""

REAL_PAIRS, REAL_SIDE = 4, 128
"""Number of real pairs to learn from and to measure on, and side of their parts in pixels."""
HALVES = ("input", "groundtruth")

SHARD_MB = 1024

LEAVES = 150
"""Number of leaves drawn over one another in each picture."""
SMALLEST, LARGEST = 5.0, 90.0
"""Range of a leaf's half width, in pixels; its density falls with the cube."""


def drawn(folder: Path) -> list[LinkPart]:
    """Draw pictures, lay them out like SIDD, cut and pack them.

    Args:
        folder: parent of `sidd/`, `patches/`, `packed/`, and for pictures not used for training
            `sidd_held_out/` and `held_out/`.
    """
    pictures, held_out = folder / "sidd", folder / "sidd_held_out"

    def draw_all() -> Findings:
        draw_sidd(pictures, LEARNT, *SIZE)
        draw_sidd(held_out, HELD_OUT, *SIZE)
        count = len(sidd.find(pictures)) + len(sidd.find(held_out))
        expected = len(LEARNT) + len(HELD_OUT)
        height, width = SIZE
        did = f"drew pictures of {height}x{width} and gave them the noise of a camera"
        return Findings(did, (_count("pairs", count, expected),))

    return [
        LinkPart("data", "pictures", draw_all),
        *from_sidd(pictures, folder, PATCHES),
        LinkPart("data", "held out", lambda: _cut(held_out, folder / "held_out", HELD_OUT_PATCHES)),
    ]


def from_sidd(source: Path, folder: Path, scheme: RandomWindows = SIDD_PATCHES) -> list[LinkPart]:
    """Cut and pack SIDD-Medium as distributed.

    Args:
        source: the folder of SIDD.
        folder: parent of `patches/` and `packed/`.
        scheme: positions of the patches.
    """
    patches, packed = folder / "patches", folder / "packed"
    return [
        LinkPart("data", "patches", lambda: _cut(source, patches, scheme)),
        LinkPart("data", "shards", lambda: _pack(source, patches, packed, scheme)),
    ]


def given(folder: Path) -> list[LinkPart]:
    """Use pairs as they are.

    Args:
        folder: folder of pairs or shards.
    """

    def look() -> Findings:
        pairs = sources.open(folder)
        pairs.whole(0)
        return Findings(
            f"took {folder} as it is", (FigureCheck("pairs", len(pairs), ">=", 1, form="d"),)
        )

    return [LinkPart("data", "pairs", look)]


def split(source: Path, folder: Path) -> list[LinkPart]:
    """Part real pairs: the last ones to measure on, those before to learn from.

    At most `REAL_PAIRS` of each are taken, and of each the middle, `REAL_SIDE` pixels a side, or
    less if the picture is smaller.

    Args:
        source: folder of two or more pairs, or of shards.
        folder: parent of `learnt/` and `held_out/`.
    """

    def part() -> Findings:
        pairs = sources.open(source)
        last = min(len(pairs) // 2, REAL_PAIRS)
        halves = {
            "learnt": range(min(len(pairs) - last, REAL_PAIRS)),
            "held_out": range(len(pairs) - last, len(pairs)),
        }
        same = sum(_part(pairs, each, folder / name) for name, each in halves.items())
        learnt, held_out = map(len, halves.values())
        did = f"took {learnt} pairs of {source} to learn from and {held_out} to measure on"
        return Findings(did, (_count("cut alike", same, learnt + held_out),))

    return [LinkPart("data", "pairs", part)]


def _part(pairs: Pairs, indices: Iterable[int], folder: Path) -> int:
    """Write the middles of these pairs; returns how many of them read back as they are."""
    for half in HALVES:
        (folder / half).mkdir(parents=True)
    middles = {}
    for index in indices:
        noisy, clean = pairs.whole(index)
        height, width = (min(length, REAL_SIDE) for length in noisy.shape[:2])
        top, left = (noisy.shape[0] - height) // 2, (noisy.shape[1] - width) // 2
        name = f"{index:06}"
        middles[name] = [
            np.ascontiguousarray(each[top : top + height, left : left + width])
            for each in (noisy, clean)
        ]
        for half, pixels in zip(HALVES, middles[name], strict=True):
            (folder / half / f"{name}.png").write_bytes(codec.encode(pixels, "png", is_fast=True))
    written = sources.open(folder)
    return sum(
        all(map(np.array_equal, written.whole(index), middles[written.name(index)]))
        for index in range(len(written))
    )


def _cut(source: Path, folder: Path, scheme: RandomWindows) -> Findings:
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
    return Findings(did, checks)


def _pack(source: Path, patches: Path, packed: Path, scheme: RandomWindows) -> Findings:
    pairs = PairFolder(patches)
    jobs = packing.plan(pairs, packed, shard_mb=SHARD_MB)
    for job in packing.remaining(jobs):
        packing.write(pairs, job)
    shards = Packed(packed)
    same = matching(shards, source, scheme)
    count = len(pairs)
    checks = _count("pairs", len(shards), count), _count("cut alike", same, count)
    size = sum(job.path.stat().st_size for job in jobs)
    return Findings(f"packed them, {size / 1e6:.1f} MB", checks)


def matching(pairs: Pairs, source: Path, scheme: RandomWindows) -> int:
    """Number of pairs that equal, to the pixel, one position of both halves of a SIDD picture.

    Args:
        pairs: patches, under the names with which they were cut.
        source: the folder of SIDD from which they were cut.
        scheme: positions at which they were cut.

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


def _count(name: str, figure: int, expected: int) -> FigureCheck:
    return FigureCheck(name, figure, "=", expected, form="d")


def draw(number: int, height: int, width: int) -> Rgb:
    """Draw the picture of that number: it depends only on number and size."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:height, :width].astype(float)
    canvas = _surface(rows, columns, rng)
    for _ in range(LEAVES):
        _cover(canvas, rng)
    pixels: Rgb = np.rint(np.clip(canvas, 0, 1) * 255).astype(np.uint8)
    return pixels


def photograph(scene: Rgb, seed: int) -> tuple[Rgb, Rgb]:
    """Noisy and clean pictures, as a camera develops the scene; height and width are even."""
    batch = torch.from_numpy(scene.transpose(2, 0, 1)[None].copy()).float() / 255
    noisy, truth = (
        (half[0] * 255).round().byte().permute(1, 2, 0).numpy()
        for half in noise.photograph(batch, torch.Generator().manual_seed(seed))
    )
    return noisy, truth


def draw_sidd(folder: Path, numbers: range, height: int, width: int) -> None:
    """Write pairs named as in SIDD-Medium, one per scene: clean, and with a camera's noise.

    Args:
        folder: parent of a folder for each scene.
        numbers: numbers of the pictures, each below 10,000.
        height: in pixels, even.
        width: in pixels, even.

    Raises:
        OSError: if folder or disk do not take them.
    """
    for number in numbers:
        scene = folder / "Data" / f"{number:04}_001_S6_00100_00060_3200_L"
        scene.mkdir(parents=True)
        noisy, truth = photograph(draw(number, height, width), number)
        for half, pixels in (("NOISY", noisy), ("GT", truth)):
            path = scene / f"{number:04}_{half}_SRGB_010.PNG"
            path.write_bytes(codec.encode(pixels, "png", is_fast=True))


def _cover(canvas: Float[np.ndarray, "h w 3"], rng: np.random.Generator) -> None:
    """Draw one more leaf, an ellipse or a rectangle, over the canvas."""
    height, width, _ = canvas.shape
    few, many = LARGEST**-2, SMALLEST**-2
    half_width = (few + rng.random() * (many - few)) ** -0.5  # inverse transform sampling
    half_length = half_width * rng.uniform(1, 2.5)
    reach = int(half_width + half_length)
    top, left = int(rng.integers(height)), int(rng.integers(width))
    window = canvas[max(top - reach, 0) : top + reach, max(left - reach, 0) : left + reach]
    rows, columns = np.mgrid[: window.shape[0], : window.shape[1]].astype(float)
    rows, columns = rows - min(top, reach), columns - min(left, reach)
    angle = rng.uniform(0, np.pi)
    along = np.cos(angle) * rows + np.sin(angle) * columns
    across = np.cos(angle) * columns - np.sin(angle) * rows
    if rng.random() < 0.6:
        inside = (along / half_length) ** 2 + (across / half_width) ** 2 < 1
    else:
        inside = (abs(along) < half_length) & (abs(across) < half_width)
    leaf = _surface(along, across, rng)
    window[inside] = leaf[inside]


def _surface(
    rows: Float[np.ndarray, "h w"], columns: Float[np.ndarray, "h w"], rng: np.random.Generator
) -> Float[np.ndarray, "h w 3"]:
    """A colour with a slow gradient; half of the surfaces have stripes."""
    colour = rng.uniform(0.05, 0.95) + rng.normal(0, 0.1, 3)
    slopes = rng.normal(0, 1e-3, 2)
    stripes = rng.choice([0, 0.1]) * np.sin(rows * rng.uniform(0.2, 1.5))
    light = rows * slopes[0] + columns * slopes[1] + stripes
    canvas: Float[np.ndarray, "h w 3"] = colour + light[..., None]
    return canvas
