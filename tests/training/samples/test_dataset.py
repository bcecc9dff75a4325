"""Batches: a function of seed and sample numbers, pairs aligned, shares as stated."""

from functools import partial

import numpy as np
import pytest
import torch

from mirnet.camera import noise
from mirnet.camera.description import Camera, Editing
from mirnet.camera.scenes import Drawings, Kind, Scenes
from mirnet.errors import DataError
from mirnet.pairs.pair_folder import PairFolder
from mirnet.training.samples import dataset, drawings
from mirnet.training.samples.dataset import TrainingData
from mirnet.training.samples.request import Request

CPU = torch.device("cpu")
SIDE = 40


def photographs(count=3, side=160):
    rng = np.random.default_rng(0)
    return [
        torch.from_numpy(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
        for _ in range(count)
    ]


@pytest.fixture
def pairs(tmp_path, save):
    """Five pairs whose pixels tell scene and place; the clean half is the noisy one's negative."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for scene in range(5):
        noisy = np.stack([rows, columns, rows * 0 + scene], 2).astype(np.uint8)
        save(tmp_path / "noisy" / f"{scene}.png", pixels=noisy)
        save(tmp_path / "clean" / f"{scene}.png", pixels=255 - noisy)
    return PairFolder(tmp_path)


SHARES = {Kind.PHOTOGRAPH: 0.55, Kind.DRAWING: 0.3, Kind.FIELD: 0.15}


def data(pairs=None, real_share=0.0, seed=1, shares=SHARES, **changes):
    return TrainingData(
        **{"photographs": photographs()} | changes,
        pairs=pairs,
        real_share=real_share,
        drawn_share=shares[Kind.DRAWING],
        field_share=shares[Kind.FIELD],
        seed=seed,
    )


def batch(source, first=0, count=4, patch=32, mixes=False):
    return dataset.develop(source[Request(first, count, patch, mixes)], CPU)


def test_a_batch_depends_on_seed_and_sample_numbers_alone(pairs):
    first = data(pairs, 0.3)
    for number in (20, 24):
        batch(first, number)

    again = batch(data(pairs, 0.3), 28)

    for one, other in zip(batch(first, 28), again, strict=True):
        assert torch.equal(one, other)
    for other in (batch(first, 32), batch(data(pairs, 0.3, seed=2), 28)):
        assert not torch.equal(other[0], again[0])


def test_pairs_are_the_same_however_they_are_asked_for(pairs):
    source = data(pairs, photographs=[], mixup=1.2)

    for mixes in (False, True):
        together = batch(source, 6, 6, mixes=mixes)
        parts = [batch(source, first, 2, mixes=mixes) for first in (6, 8, 10)]

        for whole, *pieces in zip(together, *parts, strict=True):
            assert torch.equal(whole, torch.cat(pieces))


def test_patches_are_colour_in_range(pairs):
    for noisy_or_clean in batch(data(pairs, 0.5), count=6, patch=16):
        assert noisy_or_clean.shape == (6, 3, 16, 16)
        assert noisy_or_clean.dtype == torch.float32
        assert noisy_or_clean.min() >= 0
        assert noisy_or_clean.max() <= 1


def test_pairs_stay_aligned_and_reach_every_corner(pairs):
    source = data(pairs, photographs=[])
    seen = set()
    for first in range(0, 320, 8):
        noisy, clean = batch(source, first, 8)
        torch.testing.assert_close(clean, 1 - noisy)
        seen |= {int(v) for v in (noisy[:, :2] * 255).round().flatten().unique()}

    assert seen == set(range(SIDE))


def test_every_pair_is_seen_once_an_epoch(pairs):
    source = data(pairs, photographs=[])
    assert source.epoch == len(pairs) == 5

    noisy, _ = batch(source, 0, 15)

    scenes = (noisy[:, 2, 0, 0] * 255).round().int().view(3, 5)
    assert (scenes.sort(1).values == torch.arange(5)).all()


def test_the_share_of_pairs_is_kept_exactly(pairs):
    source = data(pairs, 0.25)
    assert source.epoch == 20

    counts = [len(source[Request(first, 8, 16)].noisy) for first in range(0, 160, 8)]

    assert counts == [2] * 20


def test_16_bit_pairs_keep_their_depth(tmp_path, save):
    deep = np.random.default_rng(0).integers(0, 65536, (20, 20, 3)).astype(np.uint16)
    for half in ("input", "groundtruth"):
        save(tmp_path / half / "x.png", pixels=deep)

    noisy, _ = batch(data(PairFolder(tmp_path), photographs=[]), count=1, patch=16)

    assert len((noisy * 65535).round().unique()) > 700


def test_the_noise_of_pairs_can_be_amplified(tmp_path, save):
    rng = np.random.default_rng(0)
    for bits, dtype in ((8, np.uint8), (16, np.uint16)):
        clean = np.full((40, 40, 3), 0.4 * (2**bits - 1))
        halves = {"noisy": clean + rng.normal(0, 0.02 * 2**bits, clean.shape), "clean": clean}
        for half, pixels in halves.items():
            save(tmp_path / half / f"{bits}.png", pixels=pixels.round().astype(dtype))
    plain, amplified = (
        data(PairFolder(tmp_path), photographs=[], amplify=factor) for factor in (1.0, 4.0)
    )

    noisy, clean = batch(plain, count=40)
    stronger, same = batch(amplified, count=40)

    assert torch.equal(same, clean)
    factors = (stronger - clean).std((1, 2, 3)) / (noisy - clean).std((1, 2, 3))
    assert 0.75 < factors.min() < 1.5
    assert 3 < factors.max() < 5.2
    again = batch(amplified, 30, 10)
    assert torch.equal(again[0], stronger[30:])


def test_blends_are_between_two_pairs_and_both_halves_alike(pairs):
    source = data(pairs, photographs=[], mixup=1.2)

    noisy, clean = batch(source, 0, 40, mixes=True)
    plain, _ = batch(source, 0, 40)

    torch.testing.assert_close(clean, 1 - noisy)
    scenes = noisy[:, 2, 0, 0] * 255
    is_between = (scenes - scenes.round()).abs() > 1e-3
    assert is_between.float().mean() > 0.5
    assert not torch.equal(noisy, plain)


class BlackAndWhite:
    """Two pairs in memory, each of one level: hundreds of files would have to be decoded."""

    views = 1

    def __len__(self):
        return 2

    def name(self, index):
        return "black" if index == 0 else "white"

    def crop(self, index, side, place):
        return (np.full((side, side, 3), 255 * index, np.uint8),) * 2

    def whole(self, index):
        return self.crop(index, 16, (0, 0))

    def check(self, side):
        """Patches of any size fit."""


def test_blends_stand_where_the_beta_distribution_says():
    source = data(BlackAndWhite(), photographs=[], mixup=1.2)

    noisy, _ = batch(source, 0, 800, patch=16, mixes=True)

    levels = noisy[:, 0, 0, 0]
    blended = levels[(levels > 0) & (levels < 1)]
    assert len(blended) / 800 == pytest.approx(0.5, abs=0.06)  # the other half met its like
    assert blended.mean() == pytest.approx(0.5, abs=0.03)
    assert blended.var() == pytest.approx(1 / (4 * (2 * 1.2 + 1)), abs=0.012)


@pytest.mark.parametrize("shares", [SHARES, dict(zip(Kind, (0.85, 0.05, 0.1), strict=True))])
def test_kinds_of_scenes_come_by_their_shares(shares, monkeypatch):
    """Thousands of scenes, none of which has to be drawn for that."""
    drawn, fields = [], []
    for name, sizes in (("draw", drawn), ("field", fields)):
        monkeypatch.setattr(drawings, name, partial(blank, sizes))
    source = data(shares=shares)

    parts = [source[Request(8 * k, 8, 16)] for k in range(1000)]

    kinds = torch.cat([part.kinds for part in parts])
    for kind in Kind:
        assert (kinds == kind).sum() / 8000 == pytest.approx(shares[kind], abs=0.018)
    assert len(drawn) == (kinds == Kind.DRAWING).sum()
    assert len(fields) == (kinds == Kind.FIELD).sum()
    sides = {half.shape[-1] for part in parts for half in (part.scenes, part.resized_scenes)}
    assert set(drawn + fields) <= sides


def blank(sizes, size, _rng, _how):
    """Stands for a function that draws; notes the size."""
    sizes.append(size)
    return torch.zeros(3, size, size)


@pytest.fixture(params=Kind, ids=lambda kind: kind.name.lower())
def only(request):
    """A kind, and data whose scenes are all of it."""
    return request.param, data(shares={kind: float(kind is request.param) for kind in Kind})


def test_some_patches_have_no_noise_at_all(only):
    kind, source = only
    share = Scenes().identity_share[kind]

    parts = [source[Request(8 * k, 8, 16)] for k in range(300)]

    is_clean = torch.cat([part.is_clean for part in parts])
    same = torch.cat(
        [
            (noisy == clean).all((1, 2, 3))
            for noisy, clean in (dataset.develop(part, CPU) for part in parts[:100])
        ]
    )
    assert is_clean.float().mean() == pytest.approx(share, abs=0.03)
    wanted = is_clean[: len(same)]
    assert same[wanted].all()
    assert same[~wanted].float().mean() < 0.03


def test_white_noise_comes_by_the_kind_of_scene(only, recording):
    calls = recording(noise, "add_white")
    kind, source = only

    parts = [source[Request(8 * k, 8, 16)] for k in range(60)]
    for part in parts:
        dataset.develop(part, CPU)

    kinds = torch.cat([part.kinds for part in parts])
    assert (kinds == kind).all()
    white = sum(len(clean) for clean, *_ in calls)
    assert white / len(kinds) == pytest.approx(Camera().white_noise.share[kind], abs=0.06)


def test_some_scenes_are_resized_after_the_noise():
    source = data()

    parts = [source[Request(8 * k, 8, 32)] for k in range(60)]

    resized = sum(len(part.resized_scenes) for part in parts) / 480
    assert resized == pytest.approx(Camera().editing.resized_share, abs=0.05)
    sides = {part.resized_scenes.shape[-1] for part in parts}
    assert min(sides) < 32 + 2 * noise.MARGIN < max(sides)
    assert len(sides) > 4
    assert all(side % 16 == 0 for side in sides)


def test_what_the_recipe_says_of_scenes_drawings_and_camera_reaches_the_patches():
    """Photographs that are all black, drawings that are all one field, nothing resized."""
    source = data(
        shares=dict(zip(Kind, (0.5, 0.5, 0.0), strict=True)),
        scenes=Scenes(flat_share=0.0, burnt_share=0.0, dark_share=1.0, dark=(0.0, 0.0)),
        drawings=Drawings(dim_share=1.0, raised_share=0.0, dimming=(0.0, 0.0)),
        camera=Camera(editing=Editing(resized_share=0.0)),
    )

    parts = [source[Request(8 * k, 8, 16)] for k in range(10)]

    assert all(part.scenes.max() == 0 for part in parts)
    assert all(len(part.resized_scenes) == 0 for part in parts)


def test_a_patch_larger_than_a_pair_is_refused(pairs):
    with pytest.raises(DataError, match=r"48.*40"):
        batch(data(pairs, photographs=[]), patch=48)


def test_pairs_or_photographs_alone_are_enough(pairs):
    for source in (data(pairs, 0.1, photographs=[]), data(None, 0.9)):
        noisy, clean = batch(source)
        assert noisy.shape == clean.shape == (4, 3, 32, 32)
    with pytest.raises(DataError, match=r"nothing to train on: set data.photographs"):
        data(None, photographs=[])


def test_an_epoch_without_pairs_is_once_through_the_photographs():
    source = data()

    assert source.epoch == len(source.photographs) == 3
