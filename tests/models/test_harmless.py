"""Bundled models do no harm: what has no noise stays, and what has some keeps its colours.

experiments/harmless.md gives the reasons for the bounds. What a model fails stands in
harm_failures.toml with the figure that was measured; where new weights pass, the line has to go.
"""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from skimage import data

import harm
import mirnet
from mirnet.models import catalog

SIDE = 96
PICTURES = harm.pictures(SIDE) | {
    f"photograph {name}, halved": pyvips.Image.new_from_array(getattr(data, name)())
    .resize(0.5)
    .numpy()
    for name in ("astronaut", "chelsea", "coffee", "rocket")
}
FIELDS = ("grey", "sky", "dark")
NOISES = [
    f"{field}, {kind} noise of {deviation}"
    for field in FIELDS
    for kind in ("colour", "grey")
    for deviation in (5, 15, 40)
]

PSNR = {"flat": 60, "gradient": 50, "highlight": 50}
"""Of a picture to itself, in dB, by kind; all others 40: a root mean square of 2.5 levels."""
LARGEST = {"flat": 1, "gradient": 2, "highlight": 2}
"""Difference of a pixel in levels of 255: where all is smooth, two can be seen."""
ROUNDING = 1e-6
SHIFT = 0.5
"""Of a channel's mean, in levels of 255: what rounding to 8 bits hides."""

FAILURES = tomllib.loads(Path(__file__).with_name("harm_failures.toml").read_text())
"""By model, test and picture."""


def kind(name):
    return name.partition(" ")[0]


def cases(test, names):
    """Every model with every name; those that the model fails are marked."""
    params = []
    for model in catalog.MODELS:
        known = FAILURES.get(model.name, {}).get(test, {})
        assert set(known) <= set(names), "failures of pictures that are not there"
        for name in names:
            reason = known.get(name)
            marks = pytest.mark.xfail(strict=True, reason=f"measured: {reason}") if reason else ()
            params.append(pytest.param(model.name, name, id=f"{model.name}-{name}", marks=marks))
    return params


def noise(name, height=SIDE, width=SIDE):
    """The field's colour, the noise's deviation and the noisy field by its name in `NOISES`."""
    field, _, words = name.partition(", ")
    channels, *_, deviation = words.split()
    picture = harm.noisy_flat(
        harm.COLOURS[field], float(deviation), height, width, is_grey=channels == "grey"
    )
    return harm.COLOURS[field], float(deviation), picture


@pytest.fixture(scope="module")
def restore():
    """A function that restores a picture by name with a model; each once."""
    restorers, restored = {}, {}

    def run(model, name, picture):
        if model not in restorers:
            restorers[model] = mirnet.load(model, runtime="mnn", threads=1)
        if (model, name) not in restored:
            restored[model, name] = restorers[model](picture)
        return restored[model, name]

    yield run
    for restorer in restorers.values():
        restorer.close()


@pytest.mark.parametrize(("model", "name"), cases("unchanged", PICTURES))
def test_pictures_without_noise_stay_as_they_are(restore, model, name):
    found = harm.measure(restore(model, name, PICTURES[name]), PICTURES[name])

    assert found.psnr >= PSNR.get(kind(name), 40), f"{found.psnr:.1f} dB"
    limit = LARGEST.get(kind(name), 255) + ROUNDING
    assert found.largest <= limit, f"{found.largest:.1f} levels"


@pytest.mark.parametrize(("model", "name"), cases("shift", PICTURES))
def test_colours_do_not_shift(restore, model, name):
    found = harm.measure(restore(model, name, PICTURES[name]), PICTURES[name])

    assert found.shift <= SHIFT, f"{found.shift:.2f} levels"


GRADIENTS = [name for name in PICTURES if kind(name) == "gradient"]


@pytest.mark.parametrize(("model", "name"), cases("posterised", GRADIENTS))
def test_gradients_are_not_posterised(restore, model, name):
    """They keep their tones, and no step is half a level of 255 higher, in 8 bits one level."""
    before = PICTURES[name]
    after = restore(model, name, before)

    assert after.dtype == before.dtype
    for channel in range(3):
        kept = tones(after[..., channel]) / tones(before[..., channel])
        assert kept >= 0.9, f"{kept:.2f} of the tones"
    step = steepest(after) - steepest(before)
    limit = 1 if after.dtype == np.uint8 else 0.5
    assert step <= limit + ROUNDING, f"{step:.2f} levels steeper"


def tones(picture):
    return len(np.unique(picture))


def steepest(picture):
    """The highest step between neighbours, in levels of 255."""
    levels = picture * (255 / np.iinfo(picture.dtype).max)
    return max(abs(np.diff(levels, axis=axis)).max() for axis in (0, 1))


def test_posterised_gradients_would_be_noticed():
    smooth = PICTURES["gradient gentle diagonal, 16 bit"]
    posterised = smooth // 1000 * 1000

    assert tones(posterised) < 0.9 * tones(smooth)
    assert steepest(posterised) > steepest(smooth) + 0.5


HIGHLIGHTS = [name for name in PICTURES if kind(name) == "highlight"]


@pytest.mark.parametrize(("model", "name"), cases("burnt", HIGHLIGHTS))
def test_burnt_highlights_stay_burnt(restore, model, name):
    before = PICTURES[name]
    burnt = (before == before.max((0, 1))).all(2)

    assert burnt.mean() > 0.03
    darkest = (before.max((0, 1)) - restore(model, name, before)[burnt].min(0).astype(int)).max()
    assert darkest <= 1, f"{darkest} levels darker"


@pytest.mark.parametrize(("model", "name"), cases("ringing", HIGHLIGHTS))
def test_highlights_have_no_rings(restore, model, name):
    """From the middle outwards it never gets brighter, beside what rounding does to means."""
    restored = restore(model, name, PICTURES[name])
    radius = harm._radius(SIDE).round()

    rings = [restored[radius == each].mean(0) for each in range(1, SIDE // 2)]

    rise = np.diff(rings, axis=0).max()
    assert rise <= 0.5, f"{rise:.2f} levels"


@pytest.mark.parametrize(("model", "name"), cases("drift", NOISES))
def test_noisy_fields_keep_their_colour(restore, model, name):
    colour, _, picture = noise(name)

    drift = harm.drift(restore(model, name, picture), picture, colour)

    assert drift <= SHIFT, f"{drift:.2f} levels"


@pytest.mark.parametrize(("model", "name"), cases("blobs", NOISES))
def test_noisy_fields_become_smooth(restore, model, name):
    """An eighth of the noise at most is left, and no pixel is off by more than half of it.

    A mean over a window of 8x8 pixels would do as much. Rounding adds a level.
    """
    _, deviation, picture = noise(name)

    restored = restore(model, name, picture)
    left, largest = restored.std((0, 1)).max(), abs(restored - restored.mean((0, 1))).max()

    found = f"{left:.1f} left, {largest:.0f} at most"
    assert left <= max(deviation / 8, 1), found
    assert largest <= deviation / 2 + 1, found


@pytest.mark.parametrize(("model", "name"), cases("stripes", ["grey, colour noise of 15"]))
def test_no_stripe_shows_in_a_wide_field(restore, model, name):
    """Columns' means; one level in a whole column can be seen, where tiles meet or anywhere."""
    _, _, noisy = noise(name, 96, 400)

    restored = restore(model, "wide", np.float32(noisy / 255))

    assert 0 <= restored.min() <= restored.max() <= 1
    step = 255 * abs(np.diff(restored.mean(0), axis=0)).max()
    assert step <= 1, f"{step:.2f} levels"


@pytest.mark.parametrize("model", [model.name for model in catalog.MODELS])
def test_strong_noise_in_float_stays_in_range(restore, model):
    for field in ("black", "white", "red"):
        _, _, noisy = noise(f"{field}, colour noise of 40")

        restored = restore(model, f"float {field}", np.float32(noisy / 255))

        assert np.isfinite(restored).all()
        assert 0 <= restored.min() <= restored.max() <= 1
