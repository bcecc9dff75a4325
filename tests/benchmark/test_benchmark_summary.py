import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.benchmark.summary import Run, figures, spread

seconds = st.floats(1e-6, 1e3)


@given(st.lists(seconds, min_size=1, max_size=20))
def test_the_median_has_as_many_on_either_side(values):
    found = spread(values)

    assert found.median == pytest.approx(np.median(values))
    assert sum(value < found.median for value in values) <= len(values) / 2
    assert sum(value > found.median for value in values) <= len(values) / 2
    assert (found.min, found.max) == (np.min(values), np.max(values))


@given(
    st.lists(st.tuples(seconds, seconds, seconds), min_size=1, max_size=9),
    st.lists(st.tuples(seconds, seconds, seconds), max_size=3),
    st.integers(1, 10**8),
)
def test_each_figure_is_of_the_rounds_after_the_warm_up(counted, warming, pixels):
    rounds = [*warming, *counted]
    runs = [
        Run("mnn", number - len(warming) + 1, {"read": read, "write": write}, whole)
        for number, (read, write, whole) in enumerate(rounds)
    ]

    found = figures(runs, pixels)

    reads, writes, wholes = zip(*counted, strict=True)
    assert found.stages == {"read": spread(reads), "write": spread(writes)}
    assert found.whole == spread(wholes)
    assert found.us_per_pixel == pytest.approx(np.median(wholes) * 1e6 / pixels)
    assert found.megapixels_per_second * found.us_per_pixel == pytest.approx(1)
    assert found.images_per_second * pixels == pytest.approx(1e6 * found.megapixels_per_second)
