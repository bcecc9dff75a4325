"""The network against an independent implementation and against its formulas."""

import official
import pytest
import torch
from jaxtyping import TypeCheckError
from torch import Tensor, nn

from mirnet.errors import ShapeError
from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import (
    PRESETS,
    Configuration,
    Down,
    MIRNetV2,
    MultiScaleBlock,
    RecursiveGroup,
    ResidualContextBlock,
    SelectiveFusion,
    Up,
    spread,
    window_means,
)

SIZES = [(4, 4), (20, 36)]
LITTLE = Configuration(width=8, groups=(1, 2), blocks_per_group=1)


def picture(*size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """A batch of numbers in 0..1, the same for every call."""
    return torch.rand(*size, generator=torch.Generator().manual_seed(1), dtype=dtype)


def seeded(network: nn.Module, *, gain: float = 1.5) -> nn.Module:
    """The network with uniform weights that keep signals about as strong as its input."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            bound = gain / parameter[0].numel() ** 0.5
            parameter.uniform_(-bound, bound, generator=generator)
    return network


def pair(name: str, dtype: torch.dtype) -> tuple[nn.Module, MIRNetV2]:
    """The official network and ours with the same weights."""
    theirs = seeded(official.network(PRESETS[name])).to(dtype)
    ours = PRESETS[name].network().to(dtype)
    ours.load_state_dict(upstream.to_ours(theirs.state_dict()), strict=True)
    return theirs, ours


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PRESETS)
def test_output_equals_the_official_one(name, size):
    theirs, ours = pair(name, torch.float32)
    x = picture(2, 3, *size)

    with torch.inference_mode():
        expected, found = theirs(x), ours(x)

    assert (expected - x).std() > 0.1, "the network must do something for the comparison to count"
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PRESETS)
def test_gradients_equal_the_official_ones(name, size):
    theirs, ours = pair(name, torch.float64)  # where rounding cannot hide a small difference
    x = picture(1, 3, *size, dtype=torch.float64)

    for network in (theirs, ours):
        network(x).square().mean().backward()

    expected = upstream.to_ours({n: p.grad for n, p in theirs.named_parameters()})
    for parameter, p in ours.named_parameters():
        scale = expected[parameter].abs().max()
        alone = size == (4, 4) and ".coarse.attend." in parameter  # one pixel, whose share is 1
        assert (scale > 0) != alone, parameter
        assert (p.grad - expected[parameter]).abs().max() <= 1e-9 * scale, parameter


@pytest.mark.parametrize(
    ("name", "count"),
    [("base", 5_858_560), ("small", 3_120_288), ("tiny", 781_392), ("micro", 321_904)],
)
def test_presets_have_the_published_number_of_parameters(name, count):
    with torch.device("meta"):
        network = PRESETS[name].network()

    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_every_parameter_receives_a_gradient():
    network = seeded(LITTLE.network())

    network(picture(1, 3, 8, 12)).square().mean().backward()

    assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(("height", "width"), [(6, 8), (8, 7), (1, 1), (2, 4)])
def test_sizes_that_are_no_multiple_of_four_are_refused(height, width):
    with pytest.raises(ShapeError, match=f"multiples of 4, got {height}x{width}"):
        LITTLE.network()(torch.zeros(1, 3, height, width))


@pytest.mark.parametrize("name", PRESETS)
def test_a_fresh_network_is_near_the_identity_but_not_it(name):
    x = picture(1, 3, 32, 32)

    moves = []
    for seed in range(3):
        torch.manual_seed(seed)
        network = PRESETS[name].network()
        with torch.inference_mode():
            moves.append((network(x) - x).abs().mean())

    assert min(moves) > 0.002
    assert max(moves) < 0.06


def test_a_fresh_network_that_adds_no_input_has_a_result_of_its_own():
    torch.manual_seed(0)
    network = MIRNetV2(width=8, groups=(1,), in_channels=6, residual=False)

    bound = (8 * 3 * 3) ** -0.5  # PyTorch's
    assert network.tail.weight.abs().max() > 0.9 * bound


def test_residual_network_without_a_tail_returns_its_input():
    network = LITTLE.network()
    nn.init.zeros_(network.tail.weight)
    x = picture(2, 3, 8, 4)

    assert torch.equal(network(x), x)


def test_network_of_a_dual_pixel_pair_equals_the_official_one():
    configuration = Configuration(16, (1, 2), in_channels=6, residual=False)
    theirs = seeded(official.network(configuration))
    ours = configuration.network()
    ours.load_state_dict(upstream.to_ours(theirs.state_dict()), strict=True)
    x = picture(1, 6, 12, 8)

    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-5)


def test_channels_in_and_out_may_differ_without_residual():
    network = Configuration(8, (1,), 1, in_channels=4, out_channels=1, residual=False).network()

    assert network(picture(2, 4, 8, 4)).shape == (2, 1, 8, 4)


def test_residual_needs_equal_channel_counts():
    with pytest.raises(ValueError, match=r"channels out \(1\) as in \(3\)"):
        Configuration(8, (1,), out_channels=1).network()


def test_stream_widths_are_rounded_down():
    assert Configuration(10, (1,)).stream_widths == (10, 15, 22)


def test_pictures_of_a_batch_do_not_influence_each_other():
    network = seeded(LITTLE.network())
    x = picture(2, 3, 8, 8)

    torch.testing.assert_close(network(x)[1:], network(x[1:]), rtol=0, atol=1e-6)


def test_context_block_follows_its_formula():
    block = seeded(ResidualContextBlock(4, groups=2))
    x = picture(2, 4, 4, 6) - 0.5

    f = block.body(x)
    score = torch.einsum("bchw,c->bhw", f, block.attend.weight[0, :, 0, 0]).exp()
    share = score / score.sum((1, 2), keepdim=True)
    context = torch.einsum("bchw,bhw->bc", f, share)
    first, second = (block.transform[i].weight[:, :, 0, 0] for i in (0, 2))
    change = leaky(context @ first.T) @ second.T
    expected = leaky(f + change[:, :, None, None]) + x

    torch.testing.assert_close(block(x), expected, rtol=0, atol=1e-6)


def test_context_block_convolves_in_groups():
    block = seeded(ResidualContextBlock(4, groups=2)).body
    x = picture(1, 4, 4, 4)

    changed = x.clone()
    changed[:, 2:] += 1

    assert torch.equal(block(x)[:, :2], block(changed)[:, :2])
    assert not torch.equal(block(x)[:, 2:], block(changed)[:, 2:])


def test_fusion_weights_sum_to_one():
    fusion = seeded(SelectiveFusion(8))
    x = picture(2, 8, 4, 4)

    torch.testing.assert_close(fusion(x, x), x, rtol=0, atol=1e-6)


def test_fusion_follows_its_formula():
    fusion = seeded(SelectiveFusion(8))
    fine, coarse = picture(2, 8, 4, 6), picture(2, 8, 4, 6).flip(3)

    mean = (fine + coarse).mean((2, 3))
    summary = leaky(mean @ fusion.squeeze[0].weight[:, :, 0, 0].T)
    for_fine, for_coarse = (summary @ score.weight[:, :, 0, 0].T for score in fusion.score)
    share = torch.sigmoid(for_fine - for_coarse)[:, :, None, None]  # a softmax over two
    expected = share * fine + (1 - share) * coarse

    torch.testing.assert_close(fusion(fine, coarse), expected, rtol=0, atol=1e-6)
    assert share.std() > 0.01, "the shares must differ for the comparison to count"


@pytest.mark.parametrize(("channels", "hidden"), [(8, 4), (32, 4), (40, 5), (96, 12)])
def test_fusion_squeezes_to_an_eighth_but_at_least_four(channels, hidden):
    assert SelectiveFusion(channels).squeeze[0].out_channels == hidden


def test_down_averages_two_by_two():
    down = identity(Down(2, 2))
    x = picture(1, 2, 4, 6)

    expected = x.unflatten(3, (3, 2)).unflatten(2, (2, 2)).mean((3, 5))

    torch.testing.assert_close(down(x), expected)


def test_down_leaves_what_lies_outside_uncounted():
    assert identity(Down(1, 1))(torch.ones(1, 1, 3, 5)).eq(1).all()


def test_up_interpolates_between_pixel_centres():
    up = identity(Up(1, 1))

    out = up(torch.tensor([0.0, 1.0, 1.0]).view(1, 1, 1, 3))

    torch.testing.assert_close(out[0, 0, 0], torch.tensor([0.0, 0.25, 0.75, 1.0, 1.0, 1.0]))


def test_multi_scale_block_follows_the_paper():
    block = seeded(MultiScaleBlock((8, 12, 18), groups=1))
    x = picture(1, 8, 8, 8)

    fine, middle, coarse = x, block.to_middle(x), block.to_coarse(x)
    for turn in (0, 1):
        fine, middle, coarse = block.fine(fine), block.middle(middle), block.coarse(coarse)
        middle = block.fuse_middle(middle, block.lift_coarse[turn](coarse))
        fine = block.fuse_fine(fine, block.lift_middle[turn](middle))

    assert coarse.shape == (1, 18, 2, 2)
    torch.testing.assert_close(block(x), block.project(fine) + x)


def test_group_adds_its_input():
    group = RecursiveGroup((8, 12, 18), blocks=2, groups=2)
    nn.init.zeros_(group.project.weight)
    x = picture(1, 8, 4, 4)

    assert torch.equal(group(x), x)


@pytest.mark.parametrize(
    "x",
    [torch.zeros(3, 8, 8), torch.zeros(1, 1, 3, 8, 8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)],
    ids=["no batch", "five axes", "uint8"],
)
def test_wrong_shapes_and_dtypes_are_caught_by_the_hook(x):
    """The suite checks the annotations of the package; without the hook torch says it later."""
    with pytest.raises(TypeCheckError):
        LITTLE.network()(x)


def test_two_maps_of_unequal_shape_are_caught_by_the_hook():
    with pytest.raises(TypeCheckError):
        SelectiveFusion(8)(torch.zeros(1, 8, 4, 4), torch.zeros(1, 8, 4, 2))


def test_the_hook_lets_right_shapes_through():
    """The twin of the two tests above: what they catch is the shape, not every call."""
    assert LITTLE.network()(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 8, 8)
    assert SelectiveFusion(8)(torch.zeros(1, 8, 4, 4), torch.zeros(1, 8, 4, 4)).shape[1] == 8


def leaky(x: Tensor) -> Tensor:
    """The paper's activation, written out."""
    return torch.where(x > 0, x, 0.2 * x)


def identity(resample: nn.Sequential) -> nn.Sequential:
    """The module with a convolution that changes nothing."""
    for layer in resample:
        if isinstance(layer, nn.Conv2d):
            nn.init.dirac_(layer.weight)
    return resample


HALF = Configuration(8, (1, 2), 1, unshuffle=2)
WINDOWS = Configuration(8, (1, 2), 1, unshuffle=2, window=48)


def test_a_half_resolution_network_works_on_squares_of_pixels():
    """It is a network of 12 channels on the four pixels of each square, as torch orders them."""
    network = seeded(HALF.network())
    inner = Configuration(8, (1, 2), 1, in_channels=12, out_channels=12).network()
    inner.load_state_dict(network.state_dict())
    x = picture(2, 3, 24, 16)

    expected = nn.functional.pixel_shuffle(inner(nn.functional.pixel_unshuffle(x, 2)), 2)

    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize(
    ("configuration", "multiple"),
    [(LITTLE, 4), (HALF, 8), (WINDOWS, 16), (Configuration(8, (1,), window=36), 12)],
)
def test_a_network_says_which_sizes_it_takes(configuration, multiple):
    network = configuration.network()

    assert configuration.multiple == multiple
    assert network(picture(1, 3, multiple, 2 * multiple)).shape == (1, 3, multiple, 2 * multiple)
    with pytest.raises(ShapeError, match=f"multiples of {multiple}, got"):
        network(picture(1, 3, multiple, multiple + 2))


@pytest.mark.parametrize("options", [{"window": 8}, {"window": -24}, {"unshuffle": 0}])
def test_windows_that_do_not_fit_the_coarsest_stream_are_refused(options):
    with pytest.raises(ValueError, match="no multiple of"):
        Configuration(8, (1,), **({"unshuffle": 2} | options)).network()


@pytest.mark.parametrize("unshuffle", [1, 2])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_an_enlarging_network_gives_the_pixels_of_each_square_as_channels(scale, unshuffle):
    """It adds them, in torch's order, to the interpolated picture; fresh, it hardly does more."""
    configuration = Configuration(8, (1,), 1, unshuffle=unshuffle, scale=scale)
    fresh = configuration.network()
    network = seeded(configuration.network())
    inner = Configuration(
        8, (1,), 1, in_channels=3 * unshuffle**2, out_channels=3 * (unshuffle * scale) ** 2,
        residual=False,
    ).network()  # fmt: skip
    inner.load_state_dict(network.state_dict())
    x = picture(2, 3, 24, 16)
    enlarged = nn.functional.interpolate(x, scale_factor=scale, mode="bilinear")

    with torch.inference_mode():
        folded = nn.functional.pixel_unshuffle(x, unshuffle)
        shallow = inner.head(folded)
        squares = inner.tail(inner.groups[0](shallow))
        result = network(x)

    torch.testing.assert_close(
        result, enlarged + nn.functional.pixel_shuffle(squares, unshuffle * scale)
    )
    assert result.shape == (2, 3, 24 * scale, 16 * scale)
    assert (fresh(x) - enlarged).abs().mean() < 0.05 < (result - enlarged).abs().mean()


@pytest.mark.parametrize("scale", [0, 5, -2])
def test_other_scales_are_refused(scale):
    with pytest.raises(ValueError, match="enlarges 1 to 4 times"):
        Configuration(8, (1,), scale=scale).network()


def test_a_window_is_the_mean_of_the_cells_around_and_ends_at_the_border():
    x = torch.arange(36.0).reshape(1, 1, 6, 6)

    means = window_means(x, 2)

    assert means.shape == (1, 1, 3, 3)
    assert means[0, 0, 1, 1] == x.mean()
    assert means[0, 0, 0, 0] == x[..., :4, :4].mean()
    assert means[0, 0, 1, 2] == x[..., :, 2:].mean()


def test_what_is_spread_lies_between_the_centres_of_cells():
    found = spread(torch.tensor([0.0, 8.0]).reshape(1, 1, 1, 2), 4)[0, 0, 0]

    torch.testing.assert_close(found, torch.tensor([0.0, 0, 1, 3, 5, 7, 8, 8]))


def test_a_window_over_all_of_a_flat_context_is_the_papers():
    """With one cell there is one window, and it is the whole."""
    whole, local = (
        seeded(Configuration(8, (1,), 1, window=window).network()) for window in (0, 48)
    )
    x = picture(1, 3, 16, 16)

    torch.testing.assert_close(local(x), whole(x))


def test_a_tile_on_the_grid_sees_what_the_whole_picture_sees():
    """Far from its border, a tile that begins on a cell gives what the whole gives there."""
    network = seeded(WINDOWS.network(), gain=1.0)
    x = picture(1, 3, 320, 320)

    whole = network(x)[..., 144:176, 144:176]
    tile = network(x[..., 32:288, 32:288])[..., 112:144, 112:144]
    off_the_grid = network(x[..., 40:296, 40:296])[..., 104:136, 104:136]

    moved = (whole - x[..., 144:176, 144:176]).std()
    assert (tile - whole).abs().max() < 1e-3 * moved
    assert (off_the_grid - whole).abs().max() > 10 * (tile - whole).abs().max()


def test_windows_that_attend_far_less_than_others_have_a_context_of_their_own():
    """The softmax of the whole would leave nothing for them, and 0 / 0 no number."""
    block = ResidualContextBlock(4, groups=1, cell=2)
    nn.init.constant_(block.attend.weight, 50.0)
    x = 100 * picture(1, 4, 12, 12)
    x[..., :6] = 0

    assert block(x).isfinite().all()
