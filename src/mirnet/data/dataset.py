"""What the network learns from: batches of noisy and clean patches, a function of the step.

Photographs lie in memory as 8-bit tensors on the CPU; patches are cut there and everything else
happens batched on the training device. A batch depends on the seed and the step alone, so a
resumed run sees what an uninterrupted one would have seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

from mirnet.data import noise, pairs
from mirnet.errors import DataError
from mirnet.image import codec

Photograph = UInt8[Tensor, "3 _ _"]  # each of its own height and width
Pair = tuple[Photograph, Photograph]
"""Noisy and clean, of one size."""
Patches = Float[Tensor, "b 3 s s"]

SHRUNK_SHARE = 0.25
"""Part of the synthetic patches that come from a picture shrunk after the noise."""
SHRINK = 2.0
"""The strongest shrinking."""
SOFT_SHARE = 0.3
"""Part of the photographs that are enlarged first, by up to 2: real pixels are rarely crisp."""
FLAT_SHARE, CLIPPED_SHARE, DARK_SHARE, IDENTITY_SHARE = 0.04, 0.04, 0.03, 0.08
"""Patches of one colour, with burnt highlights, nearly black, and without any noise. They keep
the network harmless where photographs give it too little practice."""


@dataclass(frozen=True)
class DenoisingData:
    """Clean photographs that are given noise, and a share of real pairs among them."""

    photographs: Sequence[Photograph]
    real_pairs: Sequence[Pair]
    real_share: float
    """Part of the patches that comes from the real pairs, on average; none if there are none."""
    seed: int

    def batch(
        self, step: int, *, count: int, patch: int, device: torch.device, rank: int = 0
    ) -> tuple[Patches, Patches]:
        """Noisy and clean patches, count 3 patch patch, sRGB in 0..1, on `device`.

        The same arguments give the same batch, whatever was asked for before, on one kind of
        device: the noise is drawn there.

        Args:
            step: counted from 0.
            count: patches in all, the real ones first.
            patch: their side in pixels, a multiple of 16.
            device: where the noise is made.
            rank: of the process, where several train together.

        Raises:
            DataError: if a real pair is smaller than the patch.
        """
        rng = np.random.default_rng((self.seed, step, rank))
        generator = Generator(device).manual_seed(int(rng.integers(2**62)))
        real = int(rng.binomial(count, self.real_share)) if self.real_pairs else 0
        shrunk = int(rng.binomial(count - real, SHRUNK_SHARE))
        room = patch + 2 * noise.MARGIN
        wide = 2 * int(rng.uniform(room, SHRINK * room) / 2)
        parts = [
            self._real(real, patch, rng, device),
            self._synthetic(shrunk, wide, patch, rng, generator),
            self._synthetic(count - real - shrunk, room, patch, rng, generator),
        ]
        noisy, clean = (torch.cat(half) for half in zip(*parts, strict=True))
        return noisy, clean

    def _synthetic(
        self, count: int, size: int, patch: int, rng: np.random.Generator, generator: Generator
    ) -> tuple[Patches, Patches]:
        device = generator.device
        if not count:
            nothing = torch.empty(0, 3, patch, patch, device=device)
            return nothing, nothing
        cut = [self._clean(size, rng) for _ in range(count)]
        clean = torch.stack(cut).to(device)
        noisy, clean = noise.degrade(clean, patch, generator)
        same = torch.from_numpy(rng.random(count) < IDENTITY_SHARE).to(device)[:, None, None, None]
        return torch.where(same, clean, noisy), clean

    def _clean(self, size: int, rng: np.random.Generator) -> Float[Tensor, "3 s s"]:
        photograph = self.photographs[int(rng.integers(len(self.photographs)))]
        room = min(photograph.shape[1:])
        soft = rng.random() < SOFT_SHARE or room < size
        side = min(round(size * rng.uniform(0.5, 1)) if soft else size, room)
        window = _window(photograph, side, rng)
        crop = _turn(photograph[window], int(rng.integers(8))).float() / 255
        if side != size:
            crop = F.interpolate(crop[None], (size, size), mode="bicubic")[0].clamp(0, 1)
        return _practise(crop, rng)

    def _real(
        self, count: int, patch: int, rng: np.random.Generator, device: torch.device
    ) -> tuple[Patches, Patches]:
        noisy = torch.empty(count, 3, patch, patch)
        clean = torch.empty(count, 3, patch, patch)
        for k in range(count):
            pair = self.real_pairs[int(rng.integers(len(self.real_pairs)))]
            window, turn = _window(pair[0], patch, rng), int(rng.integers(8))
            noisy[k], clean[k] = (_turn(half[window], turn).float() / 255 for half in pair)
        return noisy.to(device), clean.to(device)


def load(
    photographs: Path | None, *, real_pairs: Path | None, real_share: float, seed: int
) -> DenoisingData:
    """Read the photographs of a folder, and the pairs of another, into memory.

    Args:
        photographs: None where all patches are real.
        real_pairs: None for none.
        real_share: as in `DenoisingData`.
        seed: decides all batches, together with their step.

    Raises:
        DataError: if there are no photographs, pairs do not match, or a picture is not 8-bit RGB.
        ImageError: if a file cannot be read.
    """
    if photographs is None and (real_pairs is None or real_share < 1):
        raise DataError(
            "no photographs to learn from: set data.photographs to their folder, or data.pairs to "
            "one of pairs and data.real_share to 1"
        )
    clean = load_photographs(photographs) if photographs else []
    return DenoisingData(clean, load_pairs(real_pairs) if real_pairs else [], real_share, seed)


def load_photographs(folder: Path) -> list[Photograph]:
    """The pictures of a folder, by name; folders inside it are left alone.

    Raises:
        DataError: if there are none, or one is not 8-bit RGB.
        ImageError: if a file cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder of photographs: check data.photographs")
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in codec.SUFFIXES]
    if not files:
        raise DataError(f"{folder} holds no photographs")
    return [read(file) for file in files]


def load_pairs(folder: Path) -> list[Pair]:
    """Noisy and clean pictures of a folder of pairs, as `pairs.find` matches them.

    Raises:
        DataError: if pairs do not match, by name or by size, or one is not 8-bit RGB.
        ImageError: if a file cannot be read.
    """
    loaded = []
    for pair in pairs.find(folder, codec.SUFFIXES):
        noisy, clean = read(pair.noisy), read(pair.clean)
        if noisy.shape != clean.shape:
            raise DataError(
                f"{pair.noisy} and {pair.clean} differ in size: "
                f"{tuple(noisy.shape[1:])} and {tuple(clean.shape[1:])}"
            )
        loaded.append((noisy, clean))
    return loaded


def read(path: Path) -> Photograph:
    """A picture file as 8-bit RGB, channels first; alpha is left out.

    Raises:
        DataError: if it is grey or deeper.
        ImageError: if it cannot be read.
    """
    pixels = codec.read(path)
    if pixels.dtype != np.uint8 or pixels.shape[2] != 3:
        kind = {1: "grey", 3: "RGB"}.get(pixels.shape[2], f"of {pixels.shape[2]} channels")
        raise DataError(f"{path}: training wants 8-bit RGB, this is {pixels.dtype}, {kind}")
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def _window(image: Photograph, side: int, rng: np.random.Generator) -> tuple[slice, slice, slice]:
    """A square anywhere in the picture, the last row and column included."""
    height, width = image.shape[1:]
    if side > min(height, width):
        raise DataError(f"a patch of {side} does not fit into a picture of {height}x{width}")
    top, left = rng.integers([height - side + 1, width - side + 1])
    return slice(None), slice(top, top + side), slice(left, left + side)


def _turn(image: UInt8[Tensor, "3 s s"], which: int) -> UInt8[Tensor, "3 s s"]:
    """One of the square's eight symmetries."""
    turned = torch.rot90(image, which % 4, (1, 2))
    return turned.flip(2) if which >= 4 else turned


def _practise(crop: Float[Tensor, "3 s s"], rng: np.random.Generator) -> Float[Tensor, "3 s s"]:
    """Now and then a flat, burnt or nearly black picture instead of the photograph."""
    kind = rng.random()
    if kind < FLAT_SHARE:
        colour = rng.random(3) ** rng.uniform(0.3, 3)
        return torch.from_numpy(colour).float()[:, None, None].expand_as(crop)
    if kind < FLAT_SHARE + CLIPPED_SHARE:
        return (crop * float(rng.uniform(1.2, 3))).clamp(max=1)
    if kind < FLAT_SHARE + CLIPPED_SHARE + DARK_SHARE:
        return crop * float(rng.uniform(0.02, 0.25))
    return crop
