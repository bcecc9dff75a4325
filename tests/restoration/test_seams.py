"""Tiles must not show: with the bundled models, on fields, gradients and real pictures.

What is looked at is the mean step from one column to the next. Inside the overlap of two tiles it
may exceed the step a few pixels beside it by no more than one level of 255. The default, which
averages over windows, must do better: with shadows brightened threefold and grain blurred away,
tiled and whole differ by two levels at most.
"""

import numpy as np
import pytest
import pyvips
from skimage import data

from mirnet.models import catalog
from mirnet.restoration.restored import BORDER
from mirnet.restoration.restorer import OVERLAP, TILE, Restorer
from mirnet.restoration.stitch import Layout
from mirnet.runtimes.mnn import MnnRuntime

HEIGHT, WIDTH = 96, 540
TILES = {"denoise": (192, 64), "denoise-tiny": (192, 64), "denoise-print": (TILE, OVERLAP)}
"""Sides small enough for several tiles, and what they share."""
WHOLE = 576
"""Side of a tile that holds a whole picture with its border."""


def opened_by_name(name):
    path = next(path for path in catalog.find(name).files() if path.suffix == ".mnn")
    return MnnRuntime(path, threads=1)


@pytest.fixture(scope="module", params=TILES)
def tiling(request):
    """A bundled model, and how it is tiled."""
    runtime = opened_by_name(request.param)
    tile, overlap = TILES[request.param]
    multiple = runtime.facts.multiple
    yield runtime, Layout(HEIGHT, WIDTH, tile, overlap, BORDER, multiple=multiple)
    runtime.close()


def noisy(clean):
    rng = np.random.default_rng(0)
    deviation = np.sqrt(0.003 * clean + 0.0002)
    return np.clip(clean + deviation * rng.standard_normal(clean.shape), 0, 1).astype(np.float32)


def flat(level):
    return np.full((HEIGHT, WIDTH, 3), level, np.float32)


def gradient():
    ramp = np.linspace(0.05, 0.9, WIDTH, dtype=np.float32)
    return np.broadcast_to(ramp[:, None] * np.float32([1, 0.8, 0.6]), (HEIGHT, WIDTH, 3)).copy()


def photograph():
    return data.coffee()[100 : 100 + HEIGHT, 30 : 30 + WIDTH].astype(np.float32) / 255


PICTURES = {
    "black": flat(0),
    "dark": flat(0.08),
    "grey": flat(0.4),
    "white": flat(1),
    "noisy dark": noisy(flat(0.08)),
    "noisy grey": noisy(flat(0.4)),
    "gradient": gradient(),
    "noisy gradient": noisy(gradient()),
    "photograph": photograph(),
    "noisy photograph": noisy(photograph()),
}


def excess_at_seams(picture, layout):
    """The largest step inside an overlap beyond the largest one beside it, in levels of 255."""
    steps = np.abs(np.diff(picture.mean(0), axis=0)).max(1) * 255
    assert len(layout.lefts) >= 3
    worst = -np.inf
    for left, previous in zip(layout.lefts[1:], layout.lefts, strict=False):
        begin, end = left - BORDER, previous + layout.tile_size[1] - BORDER
        beside = np.r_[steps[begin - 12 : begin - 3], steps[end + 3 : end + 12]]
        worst = max(worst, steps[begin - 1 : end + 1].max() - beside.max())
    return worst


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_no_seam_is_visible(tiling, name, strength):
    runtime, layout = tiling
    tile, overlap = max(layout.tile_size), layout.overlap
    tiled = Restorer(runtime, tile=tile, overlap=overlap, strength=strength)(PICTURES[name])

    own = 0.0
    # it has edges of its own where tiles happen to meet, or grain has
    if name.endswith("photograph") or (name.startswith("noisy") and strength < 1):
        untiled = Restorer(runtime, tile=WHOLE, overlap=0, strength=strength)
        own = max(excess_at_seams(untiled(PICTURES[name]), layout), 0.0)
    assert excess_at_seams(tiled, layout) <= 1 + own


def test_the_measure_sees_a_seam(tiling):
    _, layout = tiling
    picture = flat(0.4)
    left = layout.lefts[1] - BORDER
    picture[:, left + 8 :] += 2 / 255

    assert excess_at_seams(picture, layout) > 1.9


@pytest.fixture(scope="module")
def windowed():
    runtime = opened_by_name("denoise")
    yield runtime
    runtime.close()


def opened(picture):
    """As a photographer opens shadows, and without grain, levels of 255."""
    bright = np.clip(3 * 255 * picture, 0, 255).astype(np.float32)
    image = pyvips.Image.new_from_array(np.ascontiguousarray(bright))
    return image.gaussblur(6, precision="float", min_ampl=0.01).numpy()


@pytest.mark.parametrize("light", [0.08, 0.3])
def test_tiles_of_windows_agree_with_the_whole_in_opened_shadows(windowed, light):
    dark = noisy(data.astronaut()[:400, :448].astype(np.float32) / 255 * light)

    tiled = Restorer(windowed, tile=384)(dark)
    whole = Restorer(windowed, tile=480, overlap=0)(dark)

    assert np.abs(opened(tiled) - opened(whole)).max() <= 2


def test_opening_shadows_shows_a_step():
    dark = flat(0.1)
    stepping = dark.copy()
    stepping[:, WIDTH // 2 :] += 1 / 255

    assert np.abs(opened(stepping) - opened(dark)).max() == pytest.approx(3, abs=0.1)
