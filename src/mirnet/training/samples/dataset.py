"""Training data: samples by number, from clean photographs and real pairs.

A sample is a function of seed and number: picture, window, flip and rotation, and the sample that
it is blended with. All of that is computed in worker processes; the camera's noise, which benefits
from a GPU, is added batched on the training device, and is a function of the seed and the numbers
of the batch. So neither the number of workers nor the number of interruptions changes the samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from mirnet.camera import draws, noise, shrinking
from mirnet.camera.description import Camera, Darkening
from mirnet.camera.scenes import Drawings, Kind, Scenes
from mirnet.errors import DataError
from mirnet.pairs.pairs import Pairs
from mirnet.pictures import pixels, symmetry
from mirnet.shapes import Pixels
from mirnet.training.samples import augment, drawings, order, photographs
from mirnet.training.samples.photographs import Photograph, Scene
from mirnet.training.samples.request import Request

TensorPatches = Float[Tensor, "b 3 s s"]
TensorInput = Float[Tensor, "c s s"]
TensorInputs = Float[Tensor, "b c s s"]
"""The noisy halves of pairs: c is 3, or 6 for two views."""
TensorTruth = Float[Tensor, "3 s2 s2"]
"""The clean half of a pair, which may be larger."""

PAIR, SCENE, BATCH = range(3)
"""Kinds of random streams, all derived from the same seed."""


class SampleBatch(NamedTuple):
    """Samples for the training device; values in 0..1, channels first.

    Real pairs are complete. Scenes do not have their noise yet: b 3 t t, with t larger than the
    patch.
    """

    noisy: Float[Tensor, "r c s s"]
    """Of 6 channels if there are two views: left, then right."""
    clean: Float[Tensor, "r 3 s2 s2"]
    """As large as the noisy halves, or larger by the scale."""
    scenes: Float[Tensor, "k 3 t t"]
    resized_scenes: Float[Tensor, "m 3 u u"]
    """Scenes that are resized to the patch after the noise is added."""
    is_clean: Bool[Tensor, " n"]
    """Which of the scenes, the resized ones last, get no noise."""
    kinds: Int[Tensor, " n"]
    """`Kind` of each of these scenes."""
    patch: int
    seed: int
    """Seed of the noise."""


@dataclass(frozen=True)
class TrainingData:
    """Clean photographs to which noise is added, mixed with a share of real pairs."""

    photographs: Sequence[Photograph]
    pairs: Pairs | None
    real_share: float
    """Fraction of the samples that are real pairs, spread evenly: all without photographs, none
    without pairs."""
    drawn_share: float
    field_share: float
    """Fractions of the synthetic samples that are drawn, and that are of one colour; the others are
    cut from photographs."""
    seed: int
    mixup: float = 0.0
    """Parameter of the Beta distribution from which a blend's weight is drawn."""
    amplify: float = 1.0
    """Maximum factor by which the noise of real pairs is amplified."""
    amplify_apart: float = 1.1
    """Maximum factor by which one channel's noise is amplified or reduced relative to all."""
    scenes: Scenes = Scenes()
    drawings: Drawings = Drawings()
    camera: Camera = Camera()
    """The size of scenes depends only on its resizing; see `develop`."""
    scale: int = 1
    """Ratio of the height and width of targets to those of inputs. Above 1, scenes are as large as
    `shrinking.degrade` takes them, and none is resized."""

    def __post_init__(self) -> None:
        if not self.pairs and not self.photographs:
            raise DataError(
                "nothing to train on: set data.photographs to a folder of clean photographs, or "
                "data.pairs to one of noisy and clean pairs"
            )

    @property
    def epoch(self) -> int:
        """Samples until every pair was used once; without pairs, every photograph."""
        pairs = len(self.pairs) if self.pairs else 0
        return round(pairs / self._share) if self._share else len(self.photographs)

    def __getitem__(self, request: Request) -> SampleBatch:
        """The samples of a request, real ones first; this part runs in worker processes.

        Raises:
            DataError, ImageError: if a pair cannot be read or is smaller than the patch.
        """
        noisy, clean = [], []
        scenes: list[_Chosen] = []
        resized_scenes: list[_Chosen] = []
        room = self._room(request.patch)
        share = self._share
        editing = self.camera.editing
        rng = np.random.default_rng((self.seed, BATCH, request.first))
        factor = np.exp(
            rng.uniform(*np.log(editing.resizing))
        )  # one size per batch, of whole JPEG blocks
        other = 16 * max(round(factor * room / 16), 2)
        for number in range(request.first, request.first + request.count):
            is_real, place = order.spread(number, share)
            if is_real:
                pair = self._pair(place, request)
                noisy.append(pair[0])
                clean.append(pair[1])
            else:
                stream = np.random.default_rng((self.seed, SCENE, place))
                if self.scale == 1 and stream.random() < editing.resized_share:
                    resized_scenes.append(self._scene(place, other, stream))
                else:
                    scenes.append(self._scene(place, room, stream))
        chosen = scenes + resized_scenes
        return SampleBatch(
            _stack(noisy, request.patch),
            _stack(clean, request.patch * self.scale),
            _stack([each.scene for each in scenes], room),
            _stack([each.scene for each in resized_scenes], other),
            torch.tensor([each.is_clean for each in chosen], dtype=torch.bool),
            torch.tensor([each.kind for each in chosen], dtype=torch.long),
            request.patch,
            int(rng.integers(2**62)),
        )

    def _room(self, patch: int) -> int:
        """Side of a scene from which a patch is made."""
        if self.scale == 1:
            return patch + 2 * noise.MARGIN
        return self.scale * (patch + 2 * shrinking.MARGIN)

    @property
    def _share(self) -> Fraction:
        if not self.pairs or not self.photographs:
            return Fraction(bool(self.pairs))
        return Fraction(self.real_share).limit_denominator(10_000)

    def _pair(self, place: int, request: Request) -> tuple[TensorInput, TensorTruth]:
        assert self.pairs is not None
        rng = np.random.default_rng((self.seed, PAIR, place))
        index = order.shuffled(place, len(self.pairs), self.seed)
        noisy, clean = self._crop(self.pairs, index, request.patch, rng)
        if request.mixes:
            other = int(rng.integers(len(self.pairs)))
            weight = float(rng.beta(self.mixup, self.mixup))
            others = self._crop(self.pairs, other, request.patch, rng)
            noisy, clean = (
                torch.lerp(second, first, weight)
                for first, second in zip((noisy, clean), others, strict=True)
            )
        return noisy, clean

    def _crop(
        self, pairs: Pairs, index: int, side: int, rng: np.random.Generator
    ) -> tuple[TensorInput, TensorTruth]:
        place = (float(rng.random()), float(rng.random()))
        which = int(rng.integers(symmetry.COUNT))
        halves = pairs.crop(index, side, place)
        if pairs.views == 2:
            turned = augment.mirror_views(*halves, which % augment.MIRRORED)
        else:
            turned = (symmetry.turn(halves[0], which), symmetry.turn(halves[1], which))
        noisy, clean = map(_channels_first, turned)
        if self.amplify > 1:
            step = 1 / pixels.peak(halves[0].dtype)
            noisy = augment.amplify(
                noisy, clean, augment.gains(self.amplify, self.amplify_apart, rng), step, rng
            )
        return noisy, clean

    def _scene(self, place: int, size: int, rng: np.random.Generator) -> "_Chosen":
        drawn, fields = self.drawn_share, self.field_share
        shares = {Kind.PHOTOGRAPH: 1 - (drawn + fields), Kind.DRAWING: drawn, Kind.FIELD: fields}
        kind = drawings.one_of(shares, rng)
        if kind is Kind.PHOTOGRAPH:
            index = order.shuffled(place, len(self.photographs), self.seed)
            scene = photographs.cut(self.photographs[index], size, rng, self.scenes)
        elif kind is Kind.DRAWING:
            scene = drawings.draw(size, rng, self.drawings)
        else:
            scene = drawings.field(size, rng, self.drawings)
        return _Chosen(scene, kind, rng.random() < self.scenes.identity_share[kind])


class _Chosen(NamedTuple):
    """A clean scene, its kind, and whether it gets no noise."""

    scene: Scene
    kind: Kind
    is_clean: bool


def _channels_first(half: Pixels) -> TensorInput:
    return torch.from_numpy(pixels.to_float(np.ascontiguousarray(half.transpose(2, 0, 1))))


def _stack(patches: Sequence[TensorInput], size: int) -> Float[Tensor, "b c {size} {size}"]:
    """Patches of one size as a batch, which may be empty: then c is 3."""
    return torch.stack(tuple(patches)) if patches else torch.empty(0, 3, size, size)


def develop(
    batch: SampleBatch,
    device: torch.device,
    camera: Camera = Camera(),
    darkening: Darkening | None = None,
) -> tuple[TensorInputs, TensorPatches]:
    """Noisy patches, b c patch patch, and clean ones, b 3 patch patch, on the training device.

    With `darkening`, noisy ones that are made of scenes are underexposed. The same batch gives the
    same patches on the same type of device: the noise is drawn there.
    """
    generator = Generator(device).manual_seed(batch.seed)
    parts = [(batch.noisy.to(device), batch.clean.to(device))]
    count = len(batch.scenes)
    is_clean, kinds = batch.is_clean.to(device), batch.kinds.to(device)
    for scenes, here in (
        (batch.scenes, slice(count)),
        (batch.resized_scenes, slice(count, None)),
    ):
        if len(scenes):
            noisy, clean = noise.degrade(
                # soft pictures without noise would be too easy: they contain nothing like grain
                *(scenes.to(device), batch.patch, generator, kinds[here], camera),
                is_crisp=is_clean[here],
                darkening=darkening,
            )
            same = draws.over_pixels(is_clean[here])
            parts.append((torch.where(same, clean, noisy), clean))
    noisy, clean = (torch.cat(half) for half in zip(*parts, strict=True))
    return noisy, clean
