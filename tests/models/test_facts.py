"""What a model declares: believed where it makes sense, and shapes before words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.models.facts import LARGEST_MULTIPLE, Facts

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
STATED = st.dictionaries(
    st.sampled_from(["task", "multiple", "parameters", "configuration"])
    | st.sampled_from(["in_channels", "out_channels"]),
    JSON | st.dictionaries(st.sampled_from(["in_channels", "out_channels"]), JSON),
)


@pytest.mark.parametrize("statement", [None, "", "no JSON", b"\xff", "[1]", "{}", {}])
def test_without_a_statement_it_is_the_papers_network(statement):
    assert Facts.of(statement) == Facts(
        in_channels=3, out_channels=3, scale=1, multiple=4, task="", parameters=None
    )


@given(STATED)
def test_whatever_is_stated_makes_facts_that_make_sense(stated):
    facts = Facts.of(json.dumps(stated))

    assert facts == Facts.of(stated)
    assert isinstance(facts.task, str)
    assert 1 <= facts.multiple <= LARGEST_MULTIPLE
    assert facts.parameters is None or facts.parameters > 0
    assert facts.in_channels > 0
    assert facts.out_channels > 0


def test_what_is_stated_is_believed():
    network = {"in_channels": 6, "out_channels": 3, "width": 80}
    stated = {"task": "deblur", "multiple": 32, "parameters": 7, "configuration": network}

    facts = Facts.of(json.dumps(stated), lanes=2, precision="bf16")

    assert facts == Facts(6, 3, 1, 32, None, 2, "deblur", 7, "bf16")


@pytest.mark.parametrize("value", [0, -4, True, 4.0, "4", None, 10**6])
def test_a_multiple_that_is_none_is_not_believed(value):
    assert Facts.of({"multiple": value}).multiple == 4


def test_shapes_count_before_the_statement():
    stated = {"configuration": {"in_channels": 3, "out_channels": 3}}

    facts = Facts.of(stated, takes=[None, 1, None, None], gives=[None, 2, None, None])

    assert (facts.in_channels, facts.out_channels, facts.size) == (1, 2, None)


@pytest.mark.parametrize(
    ("gives", "scale"),
    [([1, 3, 64, 96], 1), ([1, 3, 128, 192], 2), ([1, 3, 128, 96], 1), ([1, 3, None, None], 1)],
)
def test_the_scale_shows_where_both_sizes_are_fixed(gives, scale):
    facts = Facts.of(None, takes=[1, 3, 64, 96], gives=gives)

    assert (facts.size, facts.scale) == ((64, 96), scale)


@pytest.mark.parametrize(("side", "multiple"), [(256, 4), (250, 2), (255, 1)])
def test_a_model_of_one_size_that_states_nothing_takes_that_size(side, multiple):
    assert Facts.of(None, takes=[1, 3, side, side]).multiple == multiple
