"""What is written is JSON for every reader, with null where a number is not finite."""

import json
import math
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mirnet import strict_json

ANY_TEXT = st.text(st.characters(exclude_categories=[]))
"""Lone surrogates included, which stand for bytes of file names that are no text."""

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
)


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


@given(VALUES)
def test_every_reader_can_read_it(value):
    read = json.loads(strict_json.dumps(value), parse_constant=refuse)

    assert read == strict_json.plain(value)
    json.dumps(read, ensure_ascii=False).encode()  # raises for lone surrogates


def test_bytes_of_names_that_are_no_text_are_spelt_out():
    name = os.fsdecode(b"caf\xe9.png")

    assert json.loads(strict_json.dumps({name: Path(name)})) == {r"caf\udce9.png": r"caf\udce9.png"}


def test_what_is_not_finite_is_null_however_deep():
    value = {"a": [1.5, math.inf, {"b": (-math.inf, math.nan)}], "c": Path("d.png")}

    assert strict_json.plain(value) == {"a": [1.5, None, {"b": [None, None]}], "c": "d.png"}
