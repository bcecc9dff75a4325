import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.pictures import lzw


@given(
    size=st.integers(0, 30_000),
    values=st.sampled_from((1, 2, 16, 256)),
    piece=st.sampled_from((3, 1000, 1 << 16)),
    seed=st.integers(0, 99),
)
def test_the_length_is_that_of_the_decoded_data(size, values, piece, seed):
    data = np.random.default_rng(seed).integers(0, values, size, np.uint8).tobytes()
    encoded = imagecodecs.lzw_encode(data)

    pieces = (encoded[start : start + piece] for start in range(0, len(encoded), piece))
    assert lzw.lengths(pieces) == {size}


def test_without_an_end_the_last_code_may_be_none():
    encoded = imagecodecs.lzw_encode(bytes(range(200)))
    bits = int.from_bytes(encoded, "big") >> (len(encoded) * 8 - 9 * 201)

    for filling in (0, 8):
        size = 9 * 201 + filling
        data = (bits << filling << -size % 8).to_bytes(-(-size // 8), "big")
        assert 200 in lzw.lengths([data])


def test_a_code_before_its_entry_is_damage():
    clear, letter, early = 256, 65, 300
    data = (clear << 18 | letter << 9 | early) << 5

    with pytest.raises(lzw.DamagedError):
        lzw.lengths([data.to_bytes(4, "big")])


def test_data_that_goes_on_with_a_full_table_has_no_length():
    bits = "100000000" + "".join(
        f"{65:0{9 + (place > 253) + (place > 765) + (place > 1789)}b}" for place in range(4000)
    )
    size = -(-len(bits) // 8)
    data = int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")

    assert lzw.lengths([data]) is None
