"""Pictures that must stay: of all kinds, and figures that tell when they did not."""

import numpy as np
import pytest

import harm

PICTURES = harm.pictures(96)


def test_pictures_are_colour_of_8_or_16_bits_and_named_by_their_kind():
    kinds = {name.partition(" ")[0] for name in PICTURES}

    assert kinds == {"flat", "gradient", "highlight", "pattern", "text", "page"}
    assert len(PICTURES) >= 50
    for picture in PICTURES.values():
        assert picture.shape == (96, 96, 3)
        assert picture.dtype in (np.uint8, np.uint16)


@pytest.mark.parametrize("side", [64, 101, 192])
def test_pictures_have_the_size_that_is_asked_for(side):
    assert {each.shape for each in harm.pictures(side).values()} == {(side, side, 3)}


def test_no_two_pictures_are_the_same():
    assert len({picture.tobytes() for picture in PICTURES.values()}) == len(PICTURES)


def test_deep_shadows_end_at_ten_levels_and_are_smooth_in_16_bits():
    assert PICTURES["gradient shadow across, 8 bit"].max() == 10
    shadow = PICTURES["gradient shadow across, 16 bit"]
    assert shadow.max() == 10 * 257
    assert len(np.unique(shadow)) == 96


def test_a_highlight_is_burnt_in_the_middle_and_fades_evenly():
    rim = PICTURES["highlight on grey"][48, 48:, 0].astype(int)

    assert (rim[:11] == 255).all()
    assert rim[-1] == round(0.3 * 255)
    assert (np.diff(rim) <= 0).all()


@pytest.mark.parametrize("scale", [1.0, 1.6, 3.7])
def test_letters_keep_their_area_at_any_size(scale):
    _, width = shape = (int(10 * scale), int(6 * scale))
    writing = harm._writing(*shape, scale)

    # the first letter alone, an N
    assert writing.max() <= 1 + 1e-9
    assert writing.sum() == pytest.approx(17 * scale**2, rel=0.03)
    assert width == writing.shape[1]


def test_differences_are_in_levels_of_8_bits_for_both_depths():
    for dtype, level in ((np.uint8, 1), (np.uint16, 257)):
        picture = np.full((10, 10, 3), 100 * level, dtype)
        restored = picture.copy()
        restored[0, 0, 1] += 4 * level

        found = harm.measure(restored, picture)

        assert found.largest == pytest.approx(4, rel=1e-4)
        assert found.shift == pytest.approx(0.04, rel=1e-4)
        assert found.psnr == pytest.approx(10 * np.log10(255**2 * 300 / 16), abs=1e-3)
    assert harm.measure(picture, picture) == harm.Harm(np.inf, 0.0, 0.0)


def test_noise_is_as_strong_as_asked_for_and_grey_if_asked_for():
    for is_grey in (False, True):
        noisy = harm.noisy_flat((0.5, 0.5, 0.5), 15.0, 96, 96, is_grey=is_grey)
        assert noisy.std() == pytest.approx(15, rel=0.03)
        assert (noisy[..., 0] == noisy[..., 1]).all() == is_grey


@pytest.mark.parametrize("is_grey", [False, True])
def test_chance_does_not_move_the_mean_of_a_noisy_field(is_grey):
    noisy = harm.noisy_flat((0.5, 0.5, 0.5), 40.0, 96, 96, is_grey=is_grey)

    np.testing.assert_allclose(noisy.mean((0, 1)), 127.5, atol=0.1)  # rounding and rare clipping


def test_the_mean_of_numbers_of_light_and_the_colour_itself_are_no_drift():
    rng = np.random.default_rng(0)
    light = 0.2 + rng.normal(0, 0.05, (200, 200, 3))
    noisy = (light.clip(0) ** (1 / harm.GAMMA)).astype(np.float32)
    numbers, truth = noisy.mean(), 0.2 ** (1 / harm.GAMMA)
    colour = (truth,) * 3

    assert truth - numbers > 1 / 255  # what the tone curve does
    for level, drift in ((numbers, 0), (truth, 0), (numbers - 2 / 255, 2), (truth + 3 / 255, 3)):
        restored = np.full_like(noisy, level)
        assert harm.drift(restored, noisy, colour) == pytest.approx(drift, abs=0.1)
