"""The complete MIRNetV2, in the order of the paper.

Zamir et al., "Learning Enriched Features for Fast Image Restoration and Enhancement",
TPAMI 2022. Written from the paper (sections 3.1 to 3.4). No convolution has a bias. Docstrings give
the paper's abbreviations, the code uses English names.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name that torch's users expect
from jaxtyping import Float
from torch import Tensor, nn

from mirnet.errors import ShapeError

SLOPE = 0.2
"""Negative slope of every LeakyReLU."""
GENTLE = 0.1
"""Factor of the last convolution's first weights: a fresh network is near the identity, and learns
faster than from PyTorch's weights. Chosen by experiments/initialisation.py."""
FAINTEST = -60.0
"""Smallest exponent of a context's weight: even a window that attends far less than another one
still has a context of its own."""

Features = Float[Tensor, "b c h w"]


@dataclass(frozen=True)
class Configuration:
    """The hyper-parameters of a MIRNetV2."""

    width: int
    """Channels of the full-resolution stream."""
    groups: tuple[int, ...]
    """One entry per recursive residual group: the group count of its 3x3 convolutions."""
    blocks_per_group: int = 2
    """Multi-scale residual blocks in each group."""
    growth: float = 1.5
    """Ratio of a stream's channels to those of the next finer one."""
    in_channels: int = 3
    out_channels: int = 3
    residual: bool = True
    """Whether the input is added to the output, which needs equal channel counts. Without it, the
    first features are added before the last convolution, as for dual-pixel deblurring."""
    unshuffle: int = 1
    """Side of the squares of pixels that are folded into channels before the first convolution and
    unfolded after the last. Our extension: at 2 every stream has half the resolution, and the
    network costs a quarter per pixel."""
    window: int = 0
    """Side in pixels of the windows over which contexts and fusions average, a multiple of
    12 x `unshuffle`; 0 averages over the whole input, as the paper does. Our extension: a window is
    3 x 3 cells, counted from the top left corner, so a tile that begins on a cell gives the same
    result there as the whole picture."""
    scale: int = 1
    """Ratio of the output's height and width to the input's, see `SCALES`. Our extension, since the
    paper's super-resolution enlarges the picture beforehand: the last convolution gives the pixels
    of each square of `scale` x `scale` as channels, and they are unfolded."""

    @property
    def multiple(self) -> int:
        """Height and width of the input are multiples of this."""
        return self.window // CELLS or HALVINGS * self.unshuffle

    @property
    def stream_widths(self) -> tuple[int, int, int]:
        """Channels at full, half and quarter resolution."""
        return self.width, int(self.width * self.growth), int(self.width * self.growth**2)

    def network(self) -> "MIRNetV2":
        """A freshly initialised network of this configuration."""
        return MIRNetV2(**{name: getattr(self, name) for name in self.__dataclass_fields__})


HALVINGS = 4
"""The coarsest stream has a quarter of the finest one's resolution."""
CELLS = 3
"""Cells along each side of a window."""
SCALES = (1, 2, 3, 4)
"""Factors by which networks enlarge; at 1 the output has the input's size."""

BASE = Configuration(width=80, groups=(1, 2, 4, 4))
"""The paper's network: 5,858,560 parameters, 4,261 KFLOP a pixel."""
SMALL = Configuration(width=64, groups=(1, 2, 4))
"""The Paddle reproduction's: 3,120,288 parameters, 2,326 KFLOP a pixel."""
TINY = Configuration(width=32, groups=(1, 2, 4))
"""Ours, for CPUs: a quarter of `SMALL`."""
MICRO = Configuration(width=32, groups=(1, 2), blocks_per_group=1)
"""Ours, where time counts: 321,904 parameters, 261 KFLOP a pixel, less than half of `TINY`."""

PRESETS = {"base": BASE, "small": SMALL, "tiny": TINY, "micro": MICRO}


class ResidualContextBlock(nn.Module):
    """Two grouped 3x3 convolutions and a context, added to the input (the paper's RCB).

    The context is a mean of the features, weighted by a softmax: of all features, or, if `cell` is
    not 0, of the window around each cell of `cell` x `cell` features, see `window_means`.
    """

    def __init__(self, channels: int, *, groups: int, cell: int = 0) -> None:
        super().__init__()
        self.cell = cell
        self.body = nn.Sequential(
            conv3x3(channels, channels, groups=groups),
            nn.LeakyReLU(SLOPE),
            conv3x3(channels, channels, groups=groups),
        )
        self.attend = conv1x1(channels, 1)
        self.transform = nn.Sequential(
            conv1x1(channels, channels), nn.LeakyReLU(SLOPE), conv1x1(channels, channels)
        )
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, x: Features) -> Features:
        features = self.body(x)
        out: Tensor = self.activation(features + self._context(features)) + x
        return out

    def _context(self, features: Features) -> Float[Tensor, "b c h2 w2"]:
        logits = self.attend(features)  # b 1 h w
        if not self.cell:
            attention = logits.flatten(2).softmax(2)  # b 1 hw
            context = (features.flatten(2) * attention).sum(2)[..., None, None]  # b c 1 1
            transformed: Tensor = self.transform(context)
            return transformed
        weights = (logits - logits.amax((2, 3), keepdim=True)).clamp(min=FAINTEST).exp()
        context = window_means(features * weights, self.cell) / window_means(weights, self.cell)
        return spread(self.transform(context), self.cell)


class SelectiveFusion(nn.Module):
    """Blend a fine and a coarse feature map with weights per channel (the paper's SKFF).

    The weights are computed from the mean of both maps: the mean over all features, or, if `cell`
    is not 0, over the window around each cell of `cell` x `cell` features, see `window_means`.
    """

    def __init__(self, channels: int, *, reduction: int = 8, cell: int = 0) -> None:
        super().__init__()
        self.cell = cell
        hidden = max(channels // reduction, 4)
        self.squeeze = nn.Sequential(conv1x1(channels, hidden), nn.LeakyReLU(SLOPE))
        self.score = nn.ModuleList(conv1x1(hidden, channels) for _ in range(2))

    def forward(self, fine: Features, coarse: Features) -> Features:
        both = fine + coarse
        mean = window_means(both, self.cell) if self.cell else both.mean((2, 3), keepdim=True)
        summary = self.squeeze(mean)  # b hidden and one position per cell
        weights = torch.stack([score(summary) for score in self.score]).softmax(0)  # 2 b c h2 w2
        if self.cell:
            return coarse + spread(weights[0], self.cell) * (fine - coarse)
        blended: Tensor = weights[0] * fine + weights[1] * coarse
        return blended


class Down(nn.Sequential):
    """Halve the resolution: average, then change the channels."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(
            nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False),
            conv1x1(channels, out_channels),
        )


class Up(nn.Sequential):
    """Double the resolution: change the channels, then interpolate (half-pixel centres)."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(
            conv1x1(channels, out_channels),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        )


class MultiScaleBlock(nn.Module):
    """Three resolutions that exchange features, twice with shared weights (the paper's MRB)."""

    def __init__(self, widths: tuple[int, int, int], *, groups: int, cell: int = 0) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.to_middle = Down(fine, middle)
        self.to_coarse = nn.Sequential(Down(fine, middle), Down(middle, coarse))
        self.fine = ResidualContextBlock(fine, groups=groups, cell=cell)
        self.middle = ResidualContextBlock(middle, groups=groups, cell=cell // 2)
        self.coarse = ResidualContextBlock(coarse, groups=groups, cell=cell // 4)
        self.lift_coarse = nn.ModuleList(Up(coarse, middle) for _ in range(2))
        self.lift_middle = nn.ModuleList(Up(middle, fine) for _ in range(2))
        self.fuse_middle = SelectiveFusion(middle, cell=cell // 2)
        self.fuse_fine = SelectiveFusion(fine, cell=cell)
        self.project = conv1x1(fine, fine)

    def forward(self, x: Features) -> Features:
        fine, middle, coarse = x, self.to_middle(x), self.to_coarse(x)
        for lift_coarse, lift_middle in zip(self.lift_coarse, self.lift_middle, strict=True):
            fine, middle, coarse = self.fine(fine), self.middle(middle), self.coarse(coarse)
            middle = self.fuse_middle(middle, lift_coarse(coarse))
            fine = self.fuse_fine(fine, lift_middle(middle))
        out: Tensor = self.project(fine) + x
        return out


class RecursiveGroup(nn.Module):
    """A run of multi-scale blocks and a 3x3 convolution, added to the input (the paper's RRG)."""

    def __init__(
        self, widths: tuple[int, int, int], *, blocks: int, groups: int, cell: int = 0
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(MultiScaleBlock(widths, groups=groups, cell=cell) for _ in range(blocks))
        )
        self.project = conv3x3(widths[0], widths[0])

    def forward(self, x: Features) -> Features:
        out: Tensor = self.project(self.blocks(x)) + x
        return out


class MIRNetV2(nn.Module):
    """Restore a batch of pictures. A fresh residual network hardly changes them.

    Input: b in_channels h w, float, RGB in 0..1, height and width multiples of
    `configuration.multiple`.
    Output: b out_channels h w, `configuration.scale` times as high and wide, not clipped: the loss
    needs gradients beyond the range. A fresh residual network that enlarges interpolates.

    Raises:
        ShapeError: if height or width is no such multiple (pad by reflection, crop after).
        ValueError: if `residual` is asked of unequal channel counts, the widths cannot be divided
            by the group counts, the window is not a multiple of 12 x `unshuffle`, or the scale is
            not one of `SCALES`.
    """

    def __init__(
        self,
        *,
        width: int,
        groups: tuple[int, ...],
        blocks_per_group: int = 2,
        growth: float = 1.5,
        in_channels: int = 3,
        out_channels: int = 3,
        residual: bool = True,
        unshuffle: int = 1,
        window: int = 0,
        scale: int = 1,
    ) -> None:
        super().__init__()
        self.configuration = Configuration(
            width,
            groups,
            blocks_per_group,
            growth,
            in_channels,
            out_channels,
            residual,
            unshuffle,
            window,
            scale,
        )
        if scale not in SCALES:
            raise ValueError(f"a network enlarges 1 to {SCALES[-1]} times, not {scale} times")
        if residual and in_channels != out_channels:
            raise ValueError(
                f"a residual network needs as many channels out ({out_channels}) as in "
                f"({in_channels})"
            )
        smallest = CELLS * HALVINGS * unshuffle
        if smallest < 1 or window < 0 or window % smallest:
            raise ValueError(f"a window of {window} pixels is no multiple of {smallest}")
        widths, folded = self.configuration.stream_widths, unshuffle**2
        cell = window // (CELLS * unshuffle)
        self.head = conv3x3(in_channels * folded, width)
        self.groups = nn.ModuleList(
            RecursiveGroup(widths, blocks=blocks_per_group, groups=count, cell=cell)
            for count in groups
        )
        self.tail = conv3x3(width, out_channels * folded * scale**2)
        if residual:
            with torch.no_grad():
                self.tail.weight.mul_(GENTLE)

    def forward(self, x: Float[Tensor, "b cin h w"]) -> Float[Tensor, "b cout h2 w2"]:
        (height, width), multiple = x.shape[-2:], self.configuration.multiple
        if height % multiple or width % multiple:
            raise ShapeError(
                f"height and width must be multiples of {multiple}, got {height}x{width}: "
                "pad by reflection and crop the result"
            )
        unshuffle, residual = self.configuration.unshuffle, self.configuration.residual
        scale = self.configuration.scale
        shallow = self.head(F.pixel_unshuffle(x, unshuffle) if unshuffle > 1 else x)
        deep = shallow
        for group in self.groups:
            deep = group(deep)
        out: Tensor = self.tail(deep if residual else deep + shallow)
        if unshuffle * scale > 1:
            out = F.pixel_shuffle(out, unshuffle * scale)
        if not residual:
            return out
        return out + (spread(x, scale) if scale > 1 else x)


def conv3x3(channels: int, out_channels: int, *, groups: int = 1) -> nn.Conv2d:
    """The network's spatial convolution: zero padding, no bias."""
    return nn.Conv2d(channels, out_channels, 3, padding=1, bias=False, groups=groups)


def conv1x1(channels: int, out_channels: int) -> nn.Conv2d:
    """The network's pointwise convolution: no bias."""
    return nn.Conv2d(channels, out_channels, 1, bias=False)


def window_means(x: Features, cell: int) -> Float[Tensor, "b c h2 w2"]:
    """The mean of the window around each cell of `cell` x `cell` features.

    `cell` divides height and width. Windows are clipped at the border of the features.
    """
    means = F.avg_pool2d(x, cell)
    return F.avg_pool2d(means, CELLS, 1, CELLS // 2, count_include_pad=False)


def spread(x: Float[Tensor, "b c h2 w2"], cell: int) -> Features:
    """Expand one value per cell to all its features, interpolating between the cells' centres.

    So, too, a picture is enlarged.
    """
    return F.interpolate(x, scale_factor=cell, mode="bilinear", align_corners=False)
