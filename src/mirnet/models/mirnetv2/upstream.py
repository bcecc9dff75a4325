"""Map official parameter names to ours, and infer the configuration from the tensors' shapes.

The official PyTorch code and the Paddle reproduction share one set of names. Nothing here opens a
file or reads a value.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from mirnet.errors import WeightsError
from mirnet.models.mirnetv2.network import SCALES, Configuration

T = TypeVar("T")

STREAMS = {"top": "fine", "mid": "middle", "bot": "coarse"}
CONTEXT_BLOCK = {
    "body.0": "body.0",
    "body.2": "body.2",
    "gcnet.conv_mask": "attend",
    "gcnet.channel_add_conv.0": "transform.0",
    "gcnet.channel_add_conv.2": "transform.2",
}
FUSION = {"conv_du.0": "squeeze.0", "fcs.0": "score.0", "fcs.1": "score.1"}
BLOCK = {
    "down2.body.0.bot.1": "to_middle.1",
    "down4.0.body.0.bot.1": "to_coarse.0.1",
    "down4.1.body.0.bot.1": "to_coarse.1.1",
    "up32_1.body.0.bot.0": "lift_coarse.0.0",
    "up32_2.body.0.bot.0": "lift_coarse.1.0",
    "up21_1.body.0.bot.0": "lift_middle.0.0",
    "up21_2.body.0.bot.0": "lift_middle.1.0",
    "conv_out": "project",
    **{
        f"dau_{stream}.{official}": f"{STREAMS[stream]}.{ours}"
        for stream in ("top", "mid", "bot")
        for official, ours in CONTEXT_BLOCK.items()
    },
    **{
        f"skff_{stream}.{official}": f"fuse_{STREAMS[stream]}.{ours}"
        for stream in ("top", "mid")
        for official, ours in FUSION.items()
    },
}
"""Convolutions of one multi-scale block (the paper's MRB): official name, our name."""

OUR_BLOCK = re.compile(r"groups\.(\d+)\.blocks\.(\d+)\.")
OFFICIAL_BLOCK = re.compile(r"body\.(\d+)\.body\.(\d+)\.(?!weight$)")

PREFIXES = ("module.", "_orig_mod.")
"""Prefixes that DataParallel, AveragedModel and torch.compile add to every name."""

BOOKKEEPING = frozenset({"n_averaged", "StructuredToParameterName@@"})
"""Entries of AveragedModel and of Paddle that do not belong to a convolution."""


def names(*, groups: int, blocks: int) -> dict[str, str]:
    """Map official names to ours, one to one, for all tensors of a network with these counts.

    >>> names(groups=1, blocks=2)["body.0.body.2.weight"]
    'groups.0.project.weight'
    """
    table = {"conv_in": "head", "conv_out": "tail"}
    for group in range(groups):
        # the official code stores a group's last convolution in one list with its blocks
        table[f"body.{group}.body.{blocks}"] = f"groups.{group}.project"
        for block in range(blocks):
            theirs, ours = f"body.{group}.body.{block}", f"groups.{group}.blocks.{block}"
            table |= {f"{theirs}.{name}": f"{ours}.{BLOCK[name]}" for name in BLOCK}
    return {f"{official}.weight": f"{ours}.weight" for official, ours in table.items()}


def to_ours(tensors: Mapping[str, T]) -> dict[str, T]:
    """The same values under our names, in the same order.

    Raises:
        WeightsError: if a name is not an official one; the message lists such names.
    """
    groups, blocks = _counts(tensors, OFFICIAL_BLOCK)
    return _rename(tensors, names(groups=groups, blocks=blocks))


def to_official(tensors: Mapping[str, T]) -> dict[str, T]:
    """The same values under the official names, in the same order.

    Raises:
        WeightsError: if a name is not one of ours; the message lists such names.
    """
    groups, blocks = _counts(tensors, OUR_BLOCK)
    table = names(groups=groups, blocks=blocks)
    return _rename(tensors, {ours: official for official, ours in table.items()})


def recognised(tensors: Mapping[str, T]) -> dict[str, T]:
    """The same values under our names, given official names or ours, bare or with a prefix.

    Drops `PREFIXES` and `BOOKKEEPING`. Names unknown to our network are kept if the others are
    ours: `configuration` reports them.

    Raises:
        WeightsError: if the names are neither ours nor the official ones.
    """
    bare = {name: value for name, value in tensors.items() if name not in BOOKKEEPING}
    while prefix := _common_prefix(bare):
        bare = {name.removeprefix(prefix): value for name, value in bare.items()}
    if "head.weight" in bare:
        return bare
    if "conv_in.weight" in bare:
        return to_ours(bare)
    raise WeightsError(
        "not MIRNetV2 weights: no tensor `head.weight` (official name `conv_in.weight`) among "
        f"the {len(bare)} entries {listed(bare)}"
    )


def configuration(
    tensors: Mapping[str, Tensor], *, unshuffle: int | None = None, scale: int | None = None
) -> Configuration:
    """The configuration of the network that these tensors, under our names, fit exactly.

    Shapes do not determine everything. Whether the input is added to the output: assumed if the
    channel counts allow it. The growth, since widths are rounded down: 1.5 if that gives the
    widths, else the number with the fewest decimals that does. The window: assumed to be none.

    Args:
        tensors: by our names.
        unshuffle: side of the squares of pixels that are folded into channels; if None, 2 if both
            channel counts are multiples of 4, else 1.
        scale: by which the network enlarges; if None, its square is the ratio of the channel
            counts if that is 4, 9 or 16, else it is 1.

    Raises:
        WeightsError: if tensors are missing, superfluous or of wrong shape; the message says
            which, what was found and what was expected.
    """
    groups, blocks = _counts(tensors, OUR_BLOCK)
    width, folded_in = _channels(tensors, "head")
    folded_out, _ = _channels(tensors, "tail")
    if unshuffle is None:
        unshuffle = 1 if folded_in % 4 or folded_out % 4 else 2
    if folded_in % unshuffle**2 or folded_out % unshuffle**2:
        raise WeightsError(
            f"not MIRNetV2 weights: {folded_in} channels in and {folded_out} out, where squares of "
            f"{unshuffle} x {unshuffle} pixels are folded into channels"
        )
    in_channels, out_channels = (count // unshuffle**2 for count in (folded_in, folded_out))
    if scale is None:
        scale = next((s for s in SCALES if in_channels * s**2 == out_channels), 1)
    if out_channels % scale**2:
        raise WeightsError(
            f"not MIRNetV2 weights: {out_channels} channels out, where a network that enlarges "
            f"{scale} times has a multiple of {scale**2}"
        )
    out_channels //= scale**2
    middle, _ = _channels(tensors, "groups.0.blocks.0.to_middle.1")
    coarse, _ = _channels(tensors, "groups.0.blocks.0.to_coarse.1.1")
    depths = [
        _channels(tensors, f"groups.{group}.blocks.0.fine.body.0")[1] for group in range(groups)
    ]
    found = Configuration(
        width=width,
        groups=tuple(max(width // depth, 1) for depth in depths),
        blocks_per_group=blocks,
        in_channels=in_channels,
        out_channels=out_channels,
        residual=in_channels == out_channels,
        unshuffle=unshuffle,
        scale=scale,
    )
    found = replace(found, growth=_growth(found, middle, coarse))
    check(tensors, found)
    return found


def check(tensors: Mapping[str, Tensor], expected: Configuration) -> None:
    """Check that the tensors, under our names, fit a network of this configuration exactly.

    Raises:
        WeightsError: if tensors are missing, superfluous or of wrong shape, or if no network has
            this configuration.
    """
    try:
        with torch.device("meta"):  # shapes alone: uses no memory and no random numbers
            parameters = expected.network().state_dict()
    except (ValueError, RuntimeError) as error:  # widths not divisible by the groups, or absurd
        raise WeightsError(f"not MIRNetV2 weights: {error}") from error
    if missing := [name for name in parameters if name not in tensors]:
        raise WeightsError(f"{len(missing)} tensors are missing: {_both(missing, expected)}")
    if superfluous := [name for name in tensors if name not in parameters]:
        raise WeightsError(
            f"{len(superfluous)} tensors have no place in the network: {listed(superfluous)}"
        )
    for name, parameter in parameters.items():
        if tensors[name].shape != parameter.shape:
            raise WeightsError(
                f"tensor {_both([name], expected)} is {shape_text(tensors[name])}, where a network "
                f"of width {expected.width} has {shape_text(parameter)}"
            )


def listed(items: Iterable[str]) -> str:
    """Up to three names for a message, and the number of further ones.

    >>> listed("abcde")
    '`a`, `b`, `c` and 2 more'
    """
    quoted = [f"`{item}`" for item in items]
    more = f" and {len(quoted) - 3} more" if len(quoted) > 3 else ""
    return ", ".join(quoted[:3]) + more


def shape_text(tensor: Tensor) -> str:
    """The shape in the form 64x3x3x3, for messages."""
    return "x".join(str(size) for size in tensor.shape) or "a scalar"


def _rename(tensors: Mapping[str, T], table: Mapping[str, str]) -> dict[str, T]:
    if unknown := [name for name in tensors if name not in table]:
        raise WeightsError(
            f"{len(unknown)} tensors have no place in the network: {listed(unknown)}"
        )
    return {table[name]: value for name, value in tensors.items()}


def _common_prefix(tensors: Mapping[str, object]) -> str:
    """The wrapper's prefix that all names share, or nothing."""
    if not tensors:
        return ""
    return next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), "")


def _counts(tensors: Mapping[str, object], pattern: re.Pattern[str]) -> tuple[int, int]:
    """The number of groups, and of blocks per group, according to the names."""
    places = [match.groups() for name in tensors if (match := pattern.match(name))]
    groups, blocks = (len({place[axis] for place in places}) for axis in (0, 1))
    expected = 2 + groups * (1 + blocks * len(BLOCK))
    # also prevents a hostile file from making us build a network of millions of blocks
    if not places or len(tensors) < expected / 2:
        raise WeightsError(
            f"not MIRNetV2 weights: {len(tensors)} tensors, where {groups} groups of {blocks} "
            f"blocks have {expected}"
        )
    return groups, blocks


def _channels(tensors: Mapping[str, Tensor], name: str) -> tuple[int, int]:
    """Output and input channels of a convolution; the input channels are those of one group."""
    tensor = tensors.get(f"{name}.weight")
    if tensor is None:
        raise WeightsError(f"not MIRNetV2 weights: no tensor `{name}.weight`")
    if tensor.ndim != 4 or 0 in tensor.shape:
        raise WeightsError(
            f"not MIRNetV2 weights: tensor `{name}.weight` is {shape_text(tensor)}, where a "
            "convolution has four sizes above zero"
        )
    return tensor.shape[0], tensor.shape[1]


def _growth(found: Configuration, middle: int, coarse: int) -> float:
    """The simplest growth that gives these widths."""
    widths = found.width, middle, coarse
    for growth in _candidates(*widths):
        if replace(found, growth=growth).stream_widths == widths:
            return growth
    raise WeightsError(
        f"not MIRNetV2 weights: streams of {found.width}, {middle} and {coarse} channels, where "
        "one factor leads from each to the next"
    )


def _candidates(width: int, middle: int, coarse: int) -> Iterator[float]:
    """Growths that may give these widths, the simplest first."""
    low = max(middle / width, math.sqrt(coarse / width))
    high = min((middle + 1) / width, math.sqrt((coarse + 1) / width))
    yield 1.5
    for digits in range(16):
        yield from (round(growth, digits) for growth in (low, (low + high) / 2, high))


def _both(ours: list[str], configuration: Configuration) -> str:
    """Our names and the official ones, since the file may contain either."""
    table = names(groups=len(configuration.groups), blocks=configuration.blocks_per_group)
    official = {ours: official for official, ours in table.items()}
    return f"{listed(ours)} (official {listed(official[name] for name in ours)})"
