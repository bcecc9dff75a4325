"""What is written is JSON for every reader, with null where a number is not finite."""

import json
import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mirnet import strict_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


@given(VALUES)
def test_every_reader_can_read_it(value):
    read = json.loads(strict_json.dumps(value), parse_constant=refuse)

    assert read == strict_json.plain(value)


def test_what_is_not_finite_is_null_however_deep():
    value = {"a": [1.5, math.inf, {"b": (-math.inf, math.nan)}], "c": Path("d.png")}

    assert strict_json.plain(value) == {"a": [1.5, None, {"b": [None, None]}], "c": "d.png"}
