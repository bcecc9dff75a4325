"""The camera's processing against its formulas and on a photograph."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from mirnet.camera import isp, light
from mirnet.camera.description import DEMOSAICINGS, Processing


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def photograph():
    pixels = torch.from_numpy(data.astronaut()[:64, 150:246]).permute(2, 0, 1)
    return pixels[None].float() / 255


def test_white_stays_white_in_every_camera():
    development = isp.random_development(50, generator())

    torch.testing.assert_close(development.to_camera.sum(2), torch.ones(50, 3))


def test_developing_what_was_undeveloped_gives_the_picture_back():
    """In shadows and mid-tones: highlights are clipped where a channel's gain is below one."""
    srgb = torch.rand(20, 3, 16, 16, generator=generator(1)) * 0.6
    development = isp.random_development(20, generator(2))

    again = isp.develop(isp.unprocess(srgb, development) * development.gains, development)

    lost = (isp.unprocess(srgb, development) <= 0).any(1, keepdim=True).expand_as(srgb)
    assert lost.float().mean() < 0.2  # colours outside the camera's gamut
    black = isp.DARKEST ** (1 / max(Processing().gamma))  # nothing is darker
    torch.testing.assert_close(again[~lost], srgb[~lost], atol=black, rtol=0)


def test_highlights_stay_saturated_in_raw_whatever_the_gain():
    linear = torch.ones(1, 3, 2, 2)
    gains = torch.tensor([2.0, 1.0, 1.7]).view(1, 3, 1, 1)

    torch.testing.assert_close(isp.protect_highlights(linear, gains), linear)
    dim = isp.protect_highlights(0.5 * linear, gains)
    torch.testing.assert_close(dim[0, :, 0, 0], torch.tensor([0.25, 0.5, 0.5 / 1.7]))


def test_the_mosaic_is_rggb():
    image = torch.tensor([1.0, 2, 3]).view(1, 3, 1, 1).expand(1, 3, 4, 4)

    expected = torch.tensor([[1.0, 2], [2, 3]]).repeat(2, 2)
    assert torch.equal(isp.mosaic(image)[0, 0], expected)


DEMOSAICS = [isp.demosaic_bilinear, isp.demosaic_malvar, isp.demosaic_directed]


def test_a_camera_applies_all_of_its_colour_matrix_or_less():
    all_of_it = Processing(matrix_strength=(1.0, 1.0))
    full = isp.random_development(200, generator(), all_of_it).to_camera - torch.eye(3)
    drawn = isp.random_development(200, generator()).to_camera - torch.eye(3)

    strengths = drawn[:, 0, 1] / full[:, 0, 1]
    torch.testing.assert_close(drawn, strengths[:, None, None] * full)
    assert strengths.aminmax().min == pytest.approx(0.4, abs=0.02)
    assert strengths.aminmax().max == pytest.approx(1, abs=0.02)


def test_some_cameras_have_srgbs_curve_with_a_tone_curve_or_without():
    development = isp.random_development(4000, generator())

    for has_tone_curve in (0, 1):
        chosen = development.has_srgb_curve[development.has_tone_curve.flatten() == has_tone_curve]
        assert len(chosen) == pytest.approx(2000, abs=100)
        assert chosen.float().mean() == pytest.approx(Processing().srgb_share, abs=0.05)


@pytest.mark.parametrize("srgb", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("tone", [0.0, 0.2, 1.0])
def test_curves_come_by_their_shares_independently(srgb, tone):
    processing = Processing(srgb_share=srgb, tone_curve_share=tone)

    development = isp.random_development(4000, generator(), processing)

    has_srgb, has_tone = development.has_srgb_curve, development.has_tone_curve.flatten() == 1
    assert has_srgb.float().mean() == pytest.approx(srgb, abs=0.03)
    assert has_tone.float().mean() == pytest.approx(tone, abs=0.03)
    assert (has_srgb & has_tone).float().mean() == pytest.approx(srgb * tone, abs=0.03)


def test_gains_stay_in_the_ranges_of_the_description():
    processing = Processing(exposure=(0.5, 0.0), red_gain=(1.5, 2.0), blue_gain=(3.0, 3.5))

    gains = isp.random_development(500, generator(), processing).gains.flatten(1)

    torch.testing.assert_close(gains[:, 1], torch.full((500,), 2.0))
    assert 3 <= gains[:, 0].min() < gains[:, 0].max() <= 4
    assert 6 <= gains[:, 2].min() < gains[:, 2].max() <= 7


@pytest.mark.parametrize("name", DEMOSAICINGS)
def test_a_method_of_demosaicing_can_be_the_only_one(name):
    raw = torch.rand(4, 1, 12, 12, generator=generator())
    is_plain = torch.tensor([True, False, False, False])

    found = isp.demosaic(raw, generator(1), [name], is_malvar=is_plain)

    assert tuple(isp.METHODS) == DEMOSAICINGS
    torch.testing.assert_close(found[:1], isp.demosaic_malvar(raw[:1]))
    torch.testing.assert_close(found[1:], isp.METHODS[name](raw[1:]))


def test_a_camera_with_srgbs_curve_develops_by_it():
    linear = torch.linspace(0, 1, 64).expand(1, 3, 1, 64)
    one = torch.ones(1, 1, 1, 1)
    has_it = torch.tensor([True])
    development = isp.Development(
        torch.eye(3)[None], torch.ones(1, 3, 1, 1), 2.2 * one, has_it, 0 * one
    )

    developed = isp.develop(linear, development)

    torch.testing.assert_close(developed, light.to_srgb(linear))
    torch.testing.assert_close(isp.unprocess(developed, development), linear, atol=1e-5, rtol=0)


def test_each_camera_has_a_gamma_of_its_own():
    gammas = isp.random_development(500, generator()).gamma

    assert gammas.min() == pytest.approx(1.8, abs=0.02)
    assert gammas.max() == pytest.approx(2.6, abs=0.02)


def test_white_balance_of_a_mosaic_is_that_of_the_scene(photograph):
    development = isp.random_development(1, generator())
    scene = isp.unprocess(photograph, development)

    balanced = isp.balance(isp.mosaic(scene), development)

    torch.testing.assert_close(balanced, isp.mosaic(scene * development.gains).clamp(max=1))


def test_white_balance_before_demosaicing_saves_detail(photograph):
    photograph = photograph.expand(30, -1, -1, -1)
    development = isp.random_development(30, generator())
    scene = isp.unprocess(photograph, development)
    truth = (scene * development.gains).clamp(max=1)

    first = isp.demosaic_malvar(isp.balance(isp.mosaic(scene), development))
    last = (isp.demosaic_malvar(isp.mosaic(scene)) * development.gains).clamp(max=1)

    def error(image):
        return (image - truth).square().mean()

    assert error(first) < 0.7 * error(last)


def test_each_picture_is_demosaiced_by_one_method():
    raw = torch.rand(60, 1, 16, 16, generator=generator())

    found = isp.demosaic(raw, generator(1))

    methods = [(method(raw) == found).all((1, 2, 3)) for method in DEMOSAICS]
    counts = torch.stack(methods).sum(1)
    assert counts.sum() == 60
    assert counts.min() >= 10


@pytest.mark.parametrize("demosaic", DEMOSAICS)
def test_demosaicing_keeps_flat_colours_and_measured_values(demosaic, photograph):
    flat = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    torch.testing.assert_close(demosaic(isp.mosaic(flat)), flat)

    raw = isp.mosaic(photograph)
    measured = isp.bayer_masks(raw).bool()
    torch.testing.assert_close(demosaic(raw)[measured], photograph[measured])


@pytest.mark.parametrize("better", [isp.demosaic_malvar, isp.demosaic_directed])
def test_demosaicing_that_looks_at_gradients_is_better_on_a_photograph(better, photograph):
    raw = isp.mosaic(photograph)

    def error(demosaic):
        return (demosaic(raw) - photograph).square().mean()

    assert error(better) < 0.6 * error(isp.demosaic_bilinear)


def test_white_survives_undeveloping_and_developing():
    white = torch.ones(30, 3, 4, 4)
    development = isp.random_development(30, generator(3))
    gains = development.gains.clamp(min=1)
    development = dataclasses.replace(development, gains=gains)

    again = isp.develop(isp.unprocess(white, development) * gains, development)

    torch.testing.assert_close(again, white, atol=1e-4, rtol=0)


def test_kernels_neither_brighten_nor_darken():
    """Green over green sites and so on: whatever colours the sites have, the sum is one."""
    assert torch.tensor(isp.MALVAR).sum((1, 2)).tolist() == [8, 8, 8, 8]


def test_malvars_kernels_are_those_of_the_paper():
    """Figure 2: green at red from its neighbours, corrected by red's Laplacian over eight."""
    raw = torch.rand(1, 1, 9, 9, generator=generator())
    raw = torch.nn.functional.pad(raw, (0, 1, 0, 1))
    r = raw[0, 0]

    red, green, blue = isp.demosaic_malvar(raw)[0, :, 4, 4]  # a red site

    cross = r[3, 4] + r[5, 4] + r[4, 3] + r[4, 5]
    far = r[2, 4] + r[6, 4] + r[4, 2] + r[4, 6]
    corners = r[3, 3] + r[3, 5] + r[5, 3] + r[5, 5]
    assert red == r[4, 4]
    torch.testing.assert_close(green, (4 * r[4, 4] + 2 * cross - far) / 8)
    torch.testing.assert_close(blue, (6 * r[4, 4] + 2 * corners - 1.5 * far) / 8)


def test_directed_demosaicing_is_that_of_hamilton_and_adams():
    """Green at red along the row or the column, then red at the next green by the difference."""
    raw = torch.rand(1, 1, 10, 10, generator=generator(4))
    r = raw[0, 0]

    def green_at(row, column):
        along_row = [r[row, column + k] for k in (-2, -1, 0, 1, 2)]
        along_column = [r[row + k, column] for k in (-2, -1, 0, 1, 2)]
        choices = [
            (abs(b - d) + abs(2 * c - a - e), (b + d) / 2 + (2 * c - a - e) / 4)
            for a, b, c, d, e in (along_row, along_column)
        ]
        return min(choices)[1]

    colour = isp.demosaic_directed(raw)[0]

    torch.testing.assert_close(colour[1, 4, 4], green_at(4, 4))
    torch.testing.assert_close(colour[1, 5, 5], green_at(5, 5))
    differences = r[4, 4] - green_at(4, 4), r[4, 6] - green_at(4, 6)
    torch.testing.assert_close(colour[0, 4, 5], r[4, 5] + sum(differences) / 2)


@given(seed=st.integers(0, 10**6), height=st.integers(2, 10), width=st.integers(2, 10))
def test_demosaicing_never_moves_what_was_measured(seed, height, width):
    raw = torch.rand(1, 1, 2 * height, 2 * width, generator=generator(seed))

    for demosaic in DEMOSAICS:
        torch.testing.assert_close(isp.mosaic(demosaic(raw)), raw)
