"""What a network removes, in any order: parts are equal to the whole, to the last bit."""

import numpy as np
import pytest

from mirnet.errors import ShapeError
from mirnet.pictures.enlarging import enlarged
from mirnet.pictures.source import Source
from mirnet.restoration.layered import Area, Layered, parts, render
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime, Facts
from mirnet.restoration.strength import REACH

AREAS = [Area(0, 0, 1, 1), Area(37, 50, 60, 71), Area(139, 0, 21, 203), Area(0, 190, 160, 13)]


class Softening(EchoRuntime):
    """Depends on a pixel's tile as well as on the pixel, as networks do."""

    def __init__(self, facts=None):
        super().__init__(facts)
        self.calls = 0

    def __call__(self, batch):
        self.calls += 1
        return 0.6 * batch + 0.4 * batch.mean(axis=(2, 3), keepdims=True)


class Doubling(EchoRuntime):
    """Enlarges, and depends on a pixel's tile as well."""

    def __init__(self):
        super().__init__(Facts(scale=2, task="enlarge"))

    def __call__(self, batch):
        large = batch.repeat(2, axis=2).repeat(2, axis=3)
        return 0.6 * large + 0.4 * batch.mean(axis=(2, 3), keepdims=True)


class Exposing(EchoRuntime):
    """Judges the light: brightens what it sees until its mean is middle grey."""

    def __init__(self):
        super().__init__(Facts(task="brighten"))
        self.calls = 0

    def __call__(self, batch):
        self.calls += 1
        return batch * (0.5 / batch.mean(axis=(1, 2, 3), keepdims=True))


class Failing(EchoRuntime):
    def __call__(self, batch):
        return np.full_like(batch, np.nan)


def whole(layered):
    bands = list(layered.bands())
    tops = np.cumsum([0, *(len(rows) for _, rows in bands)])
    assert [top for top, _ in bands] == tops[:-1].tolist()
    return np.concatenate([rows for _, rows in bands])


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("area", AREAS)
def test_a_part_is_equal_to_the_same_part_of_the_whole(picture, area, lanes):
    restorer = Restorer(Softening(Facts(lanes=lanes)), tile=64, overlap=16)
    image = picture(160, 203)

    removed = whole(Layered(image, restorer))
    part = Layered(image, restorer).removed(area)

    assert removed.shape == (160, 203, 3)
    rows, columns = (
        slice(area.top, area.top + area.height),
        slice(area.left, area.left + area.width),
    )
    assert np.array_equal(part, removed[rows, columns])


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint16, 1), (np.float32, 3)])
@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_the_result_is_that_of_a_restorer(picture, dtype, channels, strength):
    image = picture(90, 130, channels, dtype)
    restorer = Restorer(Softening(), tile=64, overlap=16, strength=strength)

    result = render(image, whole(Layered(image, restorer)), strength)

    expected = restorer(image)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    apart = np.abs(result.astype(np.float64) - expected)
    assert apart.max() <= (1e-6 if dtype == np.float32 else 1)
    # another order of sums may round to another level
    assert (apart > 1e-6).mean() < (0.1 if dtype == np.uint16 else 0.001)


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("area", AREAS)
def test_a_part_is_rendered_as_in_the_whole(picture, area, strength):
    image = picture(160, 203)
    removed = picture(160, 203, dtype=np.float32, seed=1).astype(np.float16) - np.float16(0.5)

    part = render(image, removed, strength, area)

    rows, columns = (
        slice(area.top, area.top + area.height),
        slice(area.left, area.left + area.width),
    )
    assert np.array_equal(part, render(image, removed, strength)[rows, columns])
    if strength == 0.3:
        blended = np.rint(parts(image, removed, area).blend(strength) * 255)
        assert np.array_equal(blended, part)


def test_tiles_of_a_part_are_not_computed_again(picture):
    image, runtime = picture(160, 203), Softening()
    restorer = Restorer(runtime, tile=64, overlap=16)
    progress = []
    layered = Layered(image, restorer, progress=progress.append)
    first = Layered(image, restorer)
    first.share(layered)

    first.removed(AREAS[1])
    some = runtime.calls
    removed = whole(layered)

    assert 0 < some < layered.layout.count
    assert runtime.calls == layered.tally.tiles == len(progress) == layered.layout.count
    assert sum(progress) == pytest.approx(160 * 203)
    assert np.array_equal(removed, whole(Layered(image, restorer)))


def test_tiles_without_a_valid_result_are_left_alone(picture):
    image = picture(70, 70)
    layered = Layered(image, Restorer(Failing(), tile=64, overlap=16))

    assert not whole(layered).any()
    assert layered.tally.kept == layered.tally.tiles == layered.layout.count


def test_areas_end_with_the_picture():
    assert Area(150, 0, 50, 10).within(160, 203, margin=REACH) == Area(136, 0, 24, 24)
    assert Area(200, 0, 5, 5).within(160, 203).height == 0


def doubled(image, restorer):
    """A picture as a filter enlarges it, and a pass over it."""
    shown = enlarged(Source.of(image), 2).read(2 * len(image))
    return shown, Layered(image, restorer, shown=shown)


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint16, 1), (np.float32, 3)])
@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_an_enlarged_result_is_that_of_a_restorer(picture, dtype, channels, strength):
    image = picture(45, 65, channels, dtype)
    restorer = Restorer(Doubling(), tile=64, overlap=16, strength=strength)

    shown, layered = doubled(image, restorer)
    result = render(shown, whole(layered), strength)

    expected = restorer(image)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    apart = np.abs(result.astype(np.float64) - expected)
    if 0 < strength < 1:
        # at the border the filter sees the picture mirrored about its edge, or about the last pixel
        inside = slice(REACH + 4, -REACH - 4)
        apart = apart[inside, inside]
    # what is shown is rounded to the picture's own levels before it is blended
    assert apart.max() <= {np.uint8: 1, np.uint16: 1, np.float32: 1e-6}[dtype]


@pytest.mark.parametrize("area", AREAS)
def test_a_part_of_an_enlarged_picture_is_equal_to_the_same_part_of_the_whole(picture, area):
    restorer = Restorer(Doubling(), tile=64, overlap=16)
    image = picture(80, 102)

    removed = whole(doubled(image, restorer)[1])
    part = doubled(image, restorer)[1].removed(area)

    rows = slice(area.top, area.top + area.height)
    assert removed.shape == (160, 204, 3)
    assert np.array_equal(part, removed[rows, area.left : area.left + area.width])


def test_what_is_shown_has_the_size_of_the_result(picture):
    with pytest.raises(ShapeError, match="2 times as large"):
        Layered(picture(40, 50), Restorer(Doubling()))


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint16, 1), (np.float32, 3)])
@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_a_result_in_another_light_is_that_of_a_restorer(picture, dtype, channels, strength):
    image = (picture(90, 130, channels, dtype) / 4).astype(dtype)
    restorer = Restorer(Exposing(), tile=64, overlap=16, strength=strength)

    result = render(image, whole(Layered(image, restorer)), strength, judges_light=True)

    expected = restorer(image)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    apart = np.abs(result.astype(np.float64) - expected)
    assert apart.max() <= (1e-6 if dtype == np.float32 else 1)


@pytest.mark.parametrize("area", AREAS)
def test_a_part_is_in_the_light_of_the_whole(picture, area):
    image, runtime = picture(160, 203) // 4, Exposing()
    restorer = Restorer(runtime, tile=64, overlap=16)

    removed = whole(Layered(image, restorer))
    alone = Layered(image, restorer).removed(area)
    running = Layered(image, restorer)
    part = Layered(image, restorer)
    part.share(running)
    runtime.calls = 0

    np.testing.assert_array_equal(part.removed(area), alone)
    np.testing.assert_array_equal(whole(running), removed)
    assert runtime.calls == running.layout.count + 1  # the light is judged once for both
    rows = slice(area.top, area.top + area.height)
    columns = slice(area.left, area.left + area.width)
    np.testing.assert_array_equal(alone, removed[rows, columns])
    half = render(image, removed, 0.5, area, judges_light=True)
    np.testing.assert_array_equal(
        half, render(image, removed, 0.5, judges_light=True)[rows, columns]
    )


def test_without_a_valid_result_the_light_stays(picture):
    class Nothing(Exposing):
        def __call__(self, batch):
            return np.full_like(batch, np.nan)

    image = picture(100, 140)
    layered = Layered(image, Restorer(Nothing(), tile=64, overlap=16))

    assert not whole(layered).any()
    assert layered.tally.kept == layered.layout.count
