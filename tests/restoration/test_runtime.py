"""What models declare, and what runtimes of models for one size have in common."""

import numpy as np
import pytest

from mirnet.errors import InferenceError, TilingError
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import EchoRuntime, Facts, check_shape, facts_of


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


@pytest.mark.parametrize("size", [None, (64, 96)])
def test_a_runtime_from_before_there_were_facts_is_taken_as_it_was(size):
    class Plain:
        name = "plain"

        def __call__(self, batch):
            return batch

        def close(self):
            pass

    plain = Plain()
    if size is None:
        assert _facts_of(plain) == Facts()
        return
    plain.size = size
    with pytest.warns(DeprecationWarning, match=r"Facts\(size=\(height, width\)\)"):
        assert _facts_of(plain) == Facts(size=size)


def _facts_of(runtime):
    """Without the checks of types that tests have, and users have not."""
    return facts_of.__wrapped__(runtime) if hasattr(facts_of, "__wrapped__") else facts_of(runtime)


def test_what_a_runtime_declares_is_taken():
    facts = Facts(multiple=32, precision="bf16")

    assert facts_of(EchoRuntime(facts)) is facts


def test_a_restorer_gives_a_model_what_it_takes():
    restorer = Restorer(Recording(Facts(multiple=32)))

    restorer(np.zeros((50, 700, 3), np.uint8))

    assert (restorer.tile, restorer.overlap) == (640, 64)
    assert all(side % 32 == 0 for shape in restorer.runtime.shapes for side in shape[2:])
    with pytest.raises(TilingError, match="a tile is a multiple of 32 and at least 64, got 188"):
        Restorer(Recording(Facts(multiple=32)), tile=188)


class Recording(EchoRuntime):
    """Notes the shapes it is given."""

    def __init__(self, facts):
        super().__init__(facts)
        self.shapes = []

    def __call__(self, batch):
        self.shapes.append(batch.shape)
        return batch.copy()
