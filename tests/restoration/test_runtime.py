"""What runtimes of models for one size have in common."""

import numpy as np
import pytest

from mirnet.errors import InferenceError
from mirnet.restoration.runtime import EchoRuntime, FixedSize, check_shape


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
