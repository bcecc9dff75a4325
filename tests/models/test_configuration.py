import re
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.errors import WeightsError
from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import PRESETS, Configuration

LITTLE = Configuration(width=8, groups=(1, 2), blocks_per_group=1)


def tensors_of(configuration: Configuration) -> dict[str, torch.Tensor]:
    """The state dict, shapes only."""
    with torch.device("meta"):
        return configuration.network().state_dict()


@settings(max_examples=25, deadline=None)  # a shared machine keeps no deadlines
@given(
    quarter=st.integers(1, 6),
    picks=st.lists(st.integers(0, 3), min_size=1, max_size=3),
    blocks=st.integers(1, 2),
    growth=st.sampled_from([1.5, 1.0, 2.0, 1.25, 0.7, 1.7]) | st.floats(0.5, 4),
    channels=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    unshuffle=st.sampled_from([1, 2]),
    scale=st.sampled_from([1, 2, 3, 4]),
)
def test_configuration_is_inferred_from_shapes(
    quarter, picks, blocks, growth, channels, unshuffle, scale
):
    widths = Configuration(4 * quarter, (), growth=growth).stream_widths
    fitting = [count for count in (1, 2, 3, 4) if not any(width % count for width in widths)]
    groups = tuple(fitting[pick % len(fitting)] for pick in picks)
    residual = channels[0] == channels[1]
    configuration = Configuration(
        4 * quarter, groups, blocks, growth, *channels, residual, unshuffle, scale=scale
    )
    # four channels in and out might as well be one at half resolution
    folded = channels[0], channels[1] * scale**2
    stated = 1 if unshuffle == 1 and not any(count % 4 for count in folded) else None
    # one channel in and four out might as well be one twice as large
    is_plain = residual or (scale == 1 and channels[1] not in (4 * channels[0], 9 * channels[0]))
    known = None if is_plain else scale

    found = upstream.configuration(tensors_of(configuration), unshuffle=stated, scale=known)

    assert found.stream_widths == widths
    assert replace(found, growth=growth) == configuration


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_inferred_exactly(name):
    assert upstream.configuration(tensors_of(PRESETS[name])) == PRESETS[name]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.sampled_from([1.0, 1.1, 1.2, 1.25, 1.3, 1.4, 1.5, 1.7, 1.75, 2.0]))
def test_growth_gives_the_same_widths_whatever_is_rounded_off(width, growth):
    configuration = Configuration(width, (1,), 1, growth)

    found = upstream.configuration(tensors_of(configuration))

    assert found.stream_widths == configuration.stream_widths


@pytest.mark.parametrize("growth", [1.0, 1.2, 1.25, 1.5, 1.7, 2.0])
def test_plain_growth_is_recovered_where_the_widths_are_large(growth):
    assert upstream.configuration(tensors_of(Configuration(100, (1,), 1, growth))).growth == growth


def test_growth_of_the_paper_is_preferred():
    """A single channel grows to 1 and 2 by anything from 1.42 to 1.73."""
    assert upstream.configuration(tensors_of(Configuration(1, (1,), 1, 1.6))).growth == 1.5


def test_widths_that_no_factor_connects_are_refused():
    tensors = tensors_of(LITTLE)
    tensors["groups.0.blocks.0.to_coarse.1.1.weight"] = torch.empty(90, 12, 1, 1, device="meta")

    with pytest.raises(WeightsError, match="streams of 8, 12 and 90 channels, where one factor"):
        upstream.configuration(tensors)


def test_missing_tensors_are_named_in_both_ways():
    tensors = tensors_of(LITTLE)
    del tensors["groups.1.project.weight"]

    with pytest.raises(
        WeightsError,
        match=re.escape(
            "1 tensors are missing: `groups.1.project.weight` (official `body.1.body.1.weight`)"
        ),
    ):
        upstream.configuration(tensors)


@pytest.mark.parametrize(
    "name", ["head", "tail", "groups.0.blocks.0.to_middle.1", "groups.1.blocks.0.fine.body.0"]
)
def test_tensors_that_tell_the_configuration_are_missed_by_name(name):
    tensors = tensors_of(LITTLE)
    del tensors[f"{name}.weight"]

    with pytest.raises(WeightsError, match=re.escape(f"no tensor `{name}.weight`")):
        upstream.configuration(tensors)


def test_many_missing_tensors_are_counted():
    tensors = {name: t for name, t in tensors_of(LITTLE).items() if ".middle." not in name}

    with pytest.raises(WeightsError, match=r"10 tensors are missing: .* and 7 more"):
        upstream.configuration(tensors)


def test_superfluous_tensors_are_named():
    tensors = tensors_of(LITTLE) | {"head.bias": torch.empty(8)}

    with pytest.raises(WeightsError, match=r"1 tensors have no place in the network: `head\.bias`"):
        upstream.configuration(tensors)


def test_misshapen_tensors_are_named_with_both_shapes():
    tensors = tensors_of(LITTLE)
    tensors["groups.1.blocks.0.project.weight"] = torch.empty(8, 8, 3, 3)

    with pytest.raises(WeightsError, match="is 8x8x3x3, where a network of width 8 has 8x8x1x1"):
        upstream.configuration(tensors)


@pytest.mark.parametrize("shape", [(), (8,), (0, 3, 3, 3), (8, 3, 3)])
def test_a_head_that_is_no_convolution_is_refused(shape):
    tensors = tensors_of(LITTLE) | {"head.weight": torch.empty(shape)}

    with pytest.raises(WeightsError, match=r"`head\.weight` is .*, where a convolution has four"):
        upstream.configuration(tensors)


def test_group_counts_that_do_not_divide_the_widths_are_refused():
    tensors = tensors_of(Configuration(10, (1,), 1))
    tensors["groups.0.blocks.0.fine.body.0.weight"] = torch.empty(10, 3, 3, 3)

    with pytest.raises(WeightsError, match="not MIRNetV2 weights: in_channels must be divisible"):
        upstream.configuration(tensors)


def test_a_group_count_of_nothing_is_refused():
    tensors = tensors_of(LITTLE)
    tensors["groups.0.blocks.0.fine.body.0.weight"] = torch.empty(8, 9, 3, 3)

    with pytest.raises(WeightsError, match="is 8x9x3x3, where a network of width 8 has 8x8x3x3"):
        upstream.configuration(tensors)


def test_names_that_promise_a_huge_network_are_refused_at_once():
    tensors = {f"groups.{i}.blocks.{i}.x": torch.empty(1) for i in range(1000)}

    with pytest.raises(WeightsError, match="1000 tensors, where 1000 groups of 1000 blocks have"):
        upstream.configuration(tensors)


def test_sizes_beyond_any_memory_are_refused():
    tensors = tensors_of(LITTLE)
    tensors["head.weight"] = torch.empty(2**40, 3, 3, 3, device="meta")
    tensors["groups.0.blocks.0.to_middle.1.weight"] = torch.empty(2**40, 8, 1, 1, device="meta")
    tensors["groups.0.blocks.0.to_coarse.1.1.weight"] = torch.empty(2**40, 8, 1, 1, device="meta")

    with pytest.raises(WeightsError, match="not MIRNetV2 weights"):
        upstream.configuration(tensors)
