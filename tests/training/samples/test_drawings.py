"""Drawn patches: in range, of many kinds, the same for the same generator."""

from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.camera.scenes import Colours, DrawingKinds, Drawings, PatternKinds
from mirnet.training.samples import drawings

DEFAULT = Drawings()
TEXT = DrawingKinds(gradient=0.0, pattern=0.0, text=1.0, page=0.0, drawing=0.0)


@pytest.fixture(scope="module")
def patches():
    """Some hundred patches from one generator."""
    rng = np.random.default_rng(0)
    return torch.stack([drawings.draw(48, rng) for _ in range(300)])


@settings(max_examples=60)
@given(size=st.integers(8, 130), seed=st.integers(0, 10**6))
def test_patches_are_colour_in_range_and_depend_on_the_generator_alone(size, seed):
    patch = drawings.draw(size, np.random.default_rng(seed))

    assert patch.shape == (3, size, size)
    assert patch.dtype == torch.float32
    assert patch.min() >= 0
    assert patch.max() <= 1
    assert torch.equal(patch, drawings.draw(size, np.random.default_rng(seed)))


@given(size=st.integers(8, 130), seed=st.integers(0, 10**6))
def test_fields_have_one_colour_and_depend_on_the_generator_alone(size, seed):
    field = drawings.field(size, np.random.default_rng(seed))

    assert field.shape == (3, size, size)
    assert field.dtype == torch.float32
    assert torch.equal(field, field[:, :1, :1].expand_as(field))
    assert 0 <= field.min() <= field.max() <= 1
    assert torch.equal(field, drawings.field(size, np.random.default_rng(seed)))


def test_most_fields_are_dark_but_not_black_and_half_of_these_grey(monkeypatch):
    monkeypatch.setattr(drawings, "_colour", lambda *_: np.ones(3))  # all others are white
    rng = np.random.default_rng(0)

    colours = torch.stack([drawings.field(8, rng) for _ in range(4000)])[..., 0, 0]

    dark = colours[colours.amax(1) < 1]
    assert len(dark) / 4000 == pytest.approx(DEFAULT.fields.dark_share, abs=0.03)
    rounding = 0.5 / 255
    darkest, brightest = DEFAULT.fields.dark
    assert dark.min() == pytest.approx(darkest, abs=rounding)
    assert dark.max() == pytest.approx(brightest, abs=rounding)
    is_grey = dark.amax(1) == dark.amin(1)
    assert is_grey.float().mean() == pytest.approx(0.5, abs=0.04)


def test_no_patch_comes_twice(patches):
    assert len({patch.numpy().tobytes() for patch in patches}) > 0.95 * len(patches)


def test_there_are_grey_and_coloured_smooth_and_rounded_dark_and_bright_patches(patches):
    is_grey = (patches.amax(1) - patches.amin(1)).flatten(1).amax(1) < 1e-6
    levels = patches * 255
    is_rounded = (levels - levels.round()).abs().flatten(1).amax(1) < 1e-4
    is_dark = patches.flatten(1).amax(1) < 0.3
    has_white = (patches == 1).all(1).flatten(1).any(1)
    for share in (is_grey, is_rounded, is_dark, has_white):
        assert 0.05 < share.float().mean() < 0.95


def test_most_dark_patches_have_raised_blacks():
    black_and_white = Colours(plain_share=1.0)
    how = Drawings(kinds=TEXT, colours=black_and_white, dim_share=1.0)
    rng = np.random.default_rng(0)

    dark = torch.stack([drawings.draw(64, rng, how) for _ in range(300)]).flatten(1)

    assert dark.amax(1).max() <= how.highest_black + how.dimming[1]
    raised = dark.amin(1) > 0.5 / 255  # less is rounded to nought in eight bits
    assert raised.float().mean() == pytest.approx(how.raised_share, abs=0.06)


def test_kinds_come_by_their_shares(monkeypatch):
    calls = Counter()

    def counted(name, draw):
        def drawn(*arguments):
            calls[name] += 1
            return draw(*arguments)

        return drawn

    for name, draw in drawings.KINDS.items():
        monkeypatch.setitem(drawings.KINDS, name, counted(name, draw))
    rng = np.random.default_rng(0)
    for _ in range(1500):
        drawings.draw(16, rng)

    shares = asdict(DEFAULT.kinds)
    assert {name: count / 1500 for name, count in calls.items()} == pytest.approx(shares, abs=0.04)


def test_there_are_smooth_and_sharp_patches(patches):
    steps = (
        patches.diff(dim=2).abs().flatten(1).amax(1),
        patches.diff(dim=3).abs().flatten(1).amax(1),
    )
    steepest = torch.maximum(*steps)

    assert (steepest < 0.05).float().mean() > 0.1
    assert (steepest > 0.9).float().mean() > 0.1


@pytest.mark.parametrize("period", [2.0, 4.0, 8.0])
def test_upright_stripes_of_whole_pixels_have_sharp_edges(period):
    _, columns = drawings._coordinates(16)

    stripes = drawings._square(columns, period)

    width = int(period) // 2
    assert np.array_equal(stripes[0], np.tile(np.repeat([1, 0], width), 16 // (2 * width)))


def test_upright_stripes_are_as_wide_as_the_shares_say():
    stripes = PatternKinds(checkerboard=0.0, stripes=1.0, waves=0.0, zone_plate=0.0)
    rng = np.random.default_rng(0)
    widths, slanting = Counter(), 0
    for _ in range(1000):
        canvas = drawings._pattern(48, rng, Drawings(patterns=stripes))
        profiles = canvas[:, :1], canvas[:, :, :1]
        upright = [each for each in profiles if (canvas == each).all()]
        if upright:
            edges = np.flatnonzero(np.diff(upright[0].reshape(3, 48)).any(0))
            widths.update(np.unique(np.diff(edges)).tolist())
        else:
            slanting += 1

    assert slanting / 1000 == pytest.approx(0.3, abs=0.05)
    shares = {width: count / widths.total() for width, count in widths.items()}
    assert shares == pytest.approx(dict(DEFAULT.widths), abs=0.05)


def test_slanting_edges_are_anti_aliased():
    rows, columns = drawings._coordinates(64)
    distance = drawings._disc(rows - 30.2, columns - 31.7, 20.0, 1.0, np.random.default_rng())

    assert drawings._covered(-distance).sum() == pytest.approx(np.pi * 20**2, rel=1e-3)


def test_glyphs_are_lines_as_thin_as_a_pen():
    rng = np.random.default_rng(0)
    for _ in range(50):
        height = int(rng.integers(6, 25))
        glyphs = drawings._alphabet(height, round(0.6 * height), rng, DEFAULT)
        assert (glyphs.max((1, 2)) == 1).mean() > 0.5
        assert 0.02 < glyphs.mean() < 0.6


def test_as_many_alphabets_as_the_share_says_are_not_anti_aliased():
    rng = np.random.default_rng(0)

    pages = [drawings._writing(48, rng, DEFAULT) for _ in range(300)]

    is_bitmap = [set(np.unique(page)) <= {0.0, 1.0} for page in pages]
    # upright pens of whole pixels have no other values either
    assert DEFAULT.bitmap_share - 0.06 < np.mean(is_bitmap) < DEFAULT.bitmap_share + 0.16
    never = Drawings(bitmap_share=0.0)
    smooth = [drawings._writing(48, rng, never) for _ in range(300)]
    assert np.mean([set(np.unique(page)) <= {0.0, 1.0} for page in smooth]) < 0.1
    assert all(page.max() == 1 for page in pages if len(np.unique(page)) > 1)
