import io

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from mirnet.pictures import profiles

D65 = (0.3127, 0.3290)
SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))


def converted(values, profile):
    """8-bit values as they are in sRGB, by Little CMS."""
    image = Image.fromarray(values)
    target = ImageCms.createProfile("sRGB")
    mode = ImageCms.Intent.RELATIVE_COLORIMETRIC
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    shown = ImageCms.profileToProfile(image, source, target, mode, outputMode="RGB")
    return np.asarray(shown).astype(int)


@pytest.mark.parametrize(("primaries", "name"), [(P3, "p3"), (SRGB, "srgb")])
def test_colours_are_those_of_the_usual_profile(primaries, name):
    values = np.random.default_rng(0).integers(64, 200, (32, 32, 3), np.uint8)
    usual = bytes(pyvips.Operation.call("profile_load", name))

    own = profiles.rgb(D65, primaries, profiles.SRGB_CURVE)

    assert np.abs(converted(values, own) - converted(values, usual)).max() <= 1


def test_grey_stays_grey_under_any_white():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    own = profiles.rgb((0.314, 0.351), P3, profiles.SRGB_CURVE)

    assert np.abs(converted(ramp, own) - ramp).max() <= 1


def test_a_curve_turns_values_into_light():
    ramp = np.arange(256, dtype=np.uint8)[None]
    light = (ramp / 255) ** 1.8
    expected = np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)

    shown = converted(ramp, profiles.grey(D65, (1.8,)))

    np.testing.assert_allclose(shown[..., 1], expected * 255, atol=2)


@pytest.mark.parametrize(
    ("white", "primaries"),
    [((0.3, 0.0), SRGB), (D65, (SRGB[0], SRGB[0], SRGB[2]))],
)
def test_what_is_no_colour_space_is_an_error(white, primaries):
    with pytest.raises(ValueError):
        profiles.rgb(white, primaries, (2.2,))
