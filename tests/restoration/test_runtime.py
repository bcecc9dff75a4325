"""What models declare, and what runtimes of models for one size have in common."""

import numpy as np
import pytest

from mirnet.errors import InferenceError, TilingError
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime, Facts, FixedSize, check_shape, facts_of


def batch(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize("shape", [(1, 3, 192, 256), (2, 3, 192, 256)])
def test_a_batch_that_is_of_the_size_is_taken(shape):
    check_shape(batch(*shape), [None, 3, 192, 256])


@pytest.mark.parametrize("shape", [(1, 3, 256, 192), (2, 3, 192, 256), (1, 1, 192, 256)])
def test_any_other_is_refused_in_one_line(shape):
    given = "x".join(str(side) for side in shape)

    with pytest.raises(InferenceError) as caught:
        check_shape(batch(*shape), [1, 3, 192, 256])
    assert str(caught.value) == (
        f"this model takes batches of 1x3x192x256 only, got {given}: pad them, or export it "
        "without a size"
    )


def test_a_model_of_no_fixed_size_is_not_asked():
    check_shape(batch(2, 1, 4, 4), [1, 3, None, None])


def test_runtimes_need_not_know_of_sizes():
    assert not isinstance(EchoRuntime(), FixedSize)


def test_what_a_model_does_not_declare_is_as_in_the_paper():
    class Plain:
        name = "plain"

        def __call__(self, batch):
            return batch

        def close(self):
            pass

    assert facts_of(Plain()) == Facts(multiple=4, precision="f32")
    assert facts_of(EchoRuntime(Facts(32, "bf16"))) == Facts(32, "bf16")


@pytest.mark.parametrize("stated", [{}, {"multiple": 0}, {"multiple": 10**6}, {"multiple": True}])
def test_facts_that_make_no_sense_are_not_believed(stated):
    assert Facts.of(stated) == Facts()


def test_a_restorer_gives_a_model_what_it_takes():
    restorer = Restorer(Recording(Facts(32)))

    restorer(np.zeros((50, 700, 3), np.uint8))

    assert (restorer.tile, restorer.overlap) == (640, 64)
    assert all(side % 32 == 0 for shape in restorer.runtime.shapes for side in shape[2:])
    with pytest.raises(TilingError, match="a tile is a multiple of 32 and at least 64, got 188"):
        Restorer(Recording(Facts(32)), tile=188)


class Recording(EchoRuntime):
    """Notes the shapes it is given."""

    def __init__(self, facts):
        super().__init__(facts)
        self.shapes = []

    def __call__(self, batch):
        self.shapes.append(batch.shape)
        return batch.copy()
