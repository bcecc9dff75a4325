"""Clean photographs in memory, and patches cut from them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from jaxtyping import Float, UInt8
from torch import Tensor

from mirnet.camera.scenes import Scenes
from mirnet.errors import DataError
from mirnet.pictures import codec, symmetry

Photograph = UInt8[Tensor, "_ _ 3"]  # each has its own height and width
Scene = Float[Tensor, "3 s s"]


class Photographs(Sequence[Photograph]):
    """Photographs that lie end to end in one tensor.

    Worker processes get each tensor as an open file, and only about 250 of them at a time.

    Args:
        photographs: uint8 RGB, each of its own height and width.
    """

    def __init__(self, photographs: Iterable[Photograph]) -> None:
        waiting = list(photographs)
        self._shapes = [tuple(each.shape) for each in waiting]
        self._ends = np.cumsum([each.numel() for each in waiting]).tolist()
        self._pixels = torch.empty(self._ends[-1] if waiting else 0, dtype=torch.uint8)
        for end in reversed(self._ends):  # each is freed once copied
            photograph = waiting.pop()
            self._pixels[end - photograph.numel() : end] = photograph.flatten()

    def __len__(self) -> int:
        return len(self._shapes)

    @overload
    def __getitem__(self, index: int) -> Photograph: ...

    @overload
    def __getitem__(self, index: slice) -> list[Photograph]: ...

    def __getitem__(self, index: int | slice) -> Photograph | list[Photograph]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        end, shape = self._ends[index], self._shapes[index]
        return self._pixels[end - int(np.prod(shape)) : end].view(shape)


def load(folder: Path) -> Photographs:
    """Load the pictures of a folder and its subfolders, sorted by path.

    Raises:
        DataError: if there are none, or one is not 8-bit RGB.
        ImageError: if a file cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of photographs: check data.photographs")
    found = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in codec.SUFFIXES)
    files = [path for path in found if path.is_file()]
    if not files:
        raise DataError(f"{folder} holds no photographs")
    return Photographs(map(_read, files))


def _read(path: Path) -> Photograph:
    pixels = codec.read(path)
    if pixels.dtype != np.uint8 or pixels.shape[2] != 3:
        kind = {1: "grey", 3: "RGB"}.get(pixels.shape[2], f"of {pixels.shape[2]} channels")
        raise DataError(f"{path}: training needs 8-bit RGB, this is {pixels.dtype}, {kind}")
    return torch.from_numpy(np.ascontiguousarray(pixels))


def cut(
    photograph: Photograph, size: int, rng: np.random.Generator, how: Scenes = Scenes()
) -> Scene:
    """A clean patch from a random position of the photograph, sRGB in 0..1, channels first.

    It is flipped and rotated at random. Sometimes, and if the photograph is too small, it is
    enlarged from a smaller patch; occasionally it is flat, burnt out or nearly black instead.
    """
    room = min(photograph.shape[:2])
    is_enlarged = rng.random() < how.enlarged_share or room < size
    side = min(round(size * rng.uniform(*how.enlarged_from)) if is_enlarged else size, room)
    side = max(side, 1)
    top, left = rng.integers(np.subtract(photograph.shape[:2], side) + 1)
    window = photograph[top : top + side, left : left + side].numpy()
    turned = symmetry.turn(window, int(rng.integers(symmetry.COUNT)))
    scene = torch.from_numpy(np.ascontiguousarray(turned.transpose(2, 0, 1))).float() / 255
    if side != size:
        scene = F.interpolate(scene[None], (size, size), mode="bicubic")[0].clamp(0, 1)
    return _practise(scene, rng, how)


def _practise(scene: Scene, rng: np.random.Generator, how: Scenes) -> Scene:
    """Occasionally replace the patch by a flat, burnt-out or nearly black one."""
    kind = rng.random()
    if kind < how.flat_share:
        colour = rng.random(3) ** rng.uniform(0.3, 3)
        return torch.from_numpy(colour).float()[:, None, None].expand_as(scene)
    if kind < how.flat_share + how.burnt_share:
        return (scene * float(rng.uniform(*how.burnt))).clamp(max=1)
    if kind < how.flat_share + how.burnt_share + how.dark_share:
        return scene * float(rng.uniform(*how.dark))
    return scene
