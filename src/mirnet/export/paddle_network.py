"""MIRNetV2 in Paddle: a port of `models.mirnetv2.network` with the official parameter names.

The parts are documented there. Paddle and the official code name a parameter after the attributes
that lead to it, so the attributes here are those of `models.mirnetv2.upstream`.
"""

from typing import Any, no_type_check

from mirnet.models.mirnetv2.network import CELLS, FAINTEST, SLOPE, Configuration
from mirnet.runtimes.paddle import contained

with contained():
    import paddle
    from paddle import nn
    from paddle.nn import functional

Features = Any
"""b c h w: a Paddle tensor, or its symbolic variable while a program is recorded."""


class ResidualContextBlock(nn.Layer):
    """Two grouped 3x3 convolutions and a context, added to the input."""

    def __init__(self, channels: int, *, groups: int, cell: int = 0) -> None:
        super().__init__()
        self.cell = cell
        self.body = nn.Sequential(
            conv3x3(channels, channels, groups=groups),
            nn.LeakyReLU(SLOPE),
            conv3x3(channels, channels, groups=groups),
        )
        self.gcnet = nn.Layer()
        self.gcnet.conv_mask = conv1x1(channels, 1)
        self.gcnet.channel_add_conv = nn.Sequential(
            conv1x1(channels, channels), nn.LeakyReLU(SLOPE), conv1x1(channels, channels)
        )
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, x: Features) -> Features:
        features = self.body(x)
        return self.activation(features + self.context(features)) + x

    def context(self, features: Features) -> Features:
        """The term that is added to the features."""
        logits = self.gcnet.conv_mask(features)  # b 1 h w
        if not self.cell:
            attention = functional.softmax(logits.flatten(2), 2)  # b 1 hw
            # a matrix product: multiplying and summing takes Paddle eight times as long
            context = paddle.matmul(features.flatten(2), attention, transpose_y=True)  # b c 1
            return self.gcnet.channel_add_conv(context.unsqueeze(3))
        weights = (logits - logits.amax([2, 3], keepdim=True)).clip(min=FAINTEST).exp()
        context = window_means(features * weights, self.cell) / window_means(weights, self.cell)
        return spread(self.gcnet.channel_add_conv(context), self.cell)


class SelectiveFusion(nn.Layer):
    """Blend a fine and a coarse feature map with weights per channel."""

    def __init__(self, channels: int, *, reduction: int = 8, cell: int = 0) -> None:
        super().__init__()
        self.cell = cell
        hidden = max(channels // reduction, 4)
        self.conv_du = nn.Sequential(conv1x1(channels, hidden), nn.LeakyReLU(SLOPE))
        self.fcs = nn.LayerList([conv1x1(hidden, channels) for _ in range(2)])

    def forward(self, fine: Features, coarse: Features) -> Features:
        both = fine + coarse
        mean = window_means(both, self.cell) if self.cell else both.mean([2, 3], keepdim=True)
        summary = self.conv_du(mean)  # b hidden and one position per cell
        scores = paddle.stack([score(summary) for score in self.fcs])  # 2 b c h2 w2
        weights = functional.softmax(scores, 0)
        if self.cell:
            return coarse + spread(weights[0], self.cell) * (fine - coarse)
        return weights[0] * fine + weights[1] * coarse


class Resized(nn.Layer):
    """Steps to another resolution, at the position given by the official names."""

    def __init__(self, *steps: nn.Layer) -> None:
        super().__init__()
        branch = nn.Layer()
        branch.bot = nn.Sequential(*steps)
        self.body = nn.LayerList([branch])

    def forward(self, x: Features) -> Features:
        return self.body[0].bot(x)


class MultiScaleBlock(nn.Layer):
    """Three resolutions that exchange features, twice with shared weights."""

    def __init__(self, widths: tuple[int, int, int], *, groups: int, cell: int = 0) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.down2 = down(fine, middle)
        self.down4 = nn.Sequential(down(fine, middle), down(middle, coarse))
        self.dau_top = ResidualContextBlock(fine, groups=groups, cell=cell)
        self.dau_mid = ResidualContextBlock(middle, groups=groups, cell=cell // 2)
        self.dau_bot = ResidualContextBlock(coarse, groups=groups, cell=cell // 4)
        self.up32_1, self.up32_2 = up(coarse, middle), up(coarse, middle)
        self.up21_1, self.up21_2 = up(middle, fine), up(middle, fine)
        self.skff_mid = SelectiveFusion(middle, cell=cell // 2)
        self.skff_top = SelectiveFusion(fine, cell=cell)
        self.conv_out = conv1x1(fine, fine)

    def forward(self, x: Features) -> Features:
        fine, middle, coarse = x, self.down2(x), self.down4(x)
        for up32, up21 in ((self.up32_1, self.up21_1), (self.up32_2, self.up21_2)):
            fine, middle, coarse = self.dau_top(fine), self.dau_mid(middle), self.dau_bot(coarse)
            middle = self.skff_mid(middle, up32(coarse))
            fine = self.skff_top(fine, up21(middle))
        return self.conv_out(fine) + x


class RecursiveGroup(nn.Layer):
    """A run of multi-scale blocks and a 3x3 convolution, added to the input."""

    def __init__(
        self, widths: tuple[int, int, int], *, blocks: int, groups: int, cell: int = 0
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(MultiScaleBlock(widths, groups=groups, cell=cell) for _ in range(blocks)),
            conv3x3(widths[0], widths[0]),
        )

    def forward(self, x: Features) -> Features:
        return self.body(x) + x


class PaddleMIRNetV2(nn.Layer):
    """Restore a batch of pictures.

    Input: b in_channels h w, float32, RGB in 0..1, height and width multiples of the
    configuration's, which is not checked here. Output: b out_channels h w, enlarged if the
    configuration says so, not clipped.
    """

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        self.residual = configuration.residual
        self.unshuffle, self.scale = configuration.unshuffle, configuration.scale
        width, widths = configuration.width, configuration.stream_widths
        folded = configuration.unshuffle**2
        cell = configuration.window // (CELLS * configuration.unshuffle)
        self.conv_in = conv3x3(configuration.in_channels * folded, width)
        self.body = nn.Sequential(
            *(
                RecursiveGroup(
                    widths, blocks=configuration.blocks_per_group, groups=groups, cell=cell
                )
                for groups in configuration.groups
            )
        )
        self.conv_out = conv3x3(width, configuration.out_channels * folded * self.scale**2)

    @no_type_check  # Paddle reads this function's source, so tests must not wrap it in a checker
    def forward(self, x: Features) -> Features:
        folds = self.unshuffle > 1
        shallow = self.conv_in(fold(x, self.unshuffle) if folds else x)
        deep = self.body(shallow)
        out = self.conv_out(deep if self.residual else deep + shallow)
        if folds or self.scale > 1:
            out = functional.pixel_shuffle(out, self.unshuffle * self.scale)
        if not self.residual:
            return out
        return out + (spread(x, self.scale) if self.scale > 1 else x)


def fold(x: Features, side: int) -> Features:
    """Fold squares of pixels into channels, in the order of Paddle's own `pixel_unshuffle`.

    That function cannot be recorded for arbitrary height and width.
    """
    parts = [x[:, :, row::side, column::side] for row in range(side) for column in range(side)]
    return paddle.stack(parts, axis=2).flatten(1, 2)


def down(channels: int, out_channels: int) -> Resized:
    """Halve the resolution: average, then change the channels."""
    return Resized(nn.AvgPool2D(2, ceil_mode=True, exclusive=True), conv1x1(channels, out_channels))


def up(channels: int, out_channels: int) -> Resized:
    """Double the resolution: change the channels, then interpolate (half-pixel centres)."""
    return Resized(
        conv1x1(channels, out_channels),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False, align_mode=0),
    )


def window_means(x: Features, cell: int) -> Features:
    """The mean of the window around each cell of `cell` x `cell` features."""
    means = functional.avg_pool2d(x, cell)
    return functional.avg_pool2d(means, CELLS, 1, CELLS // 2, exclusive=True)


def spread(x: Features, cell: int) -> Features:
    """Expand one value per cell to all its features, interpolating between the cells' centres."""
    return functional.interpolate(
        x, scale_factor=cell, mode="bilinear", align_corners=False, align_mode=0
    )


def conv3x3(channels: int, out_channels: int, *, groups: int = 1) -> nn.Conv2D:
    """The network's spatial convolution: zero padding, no bias."""
    return nn.Conv2D(channels, out_channels, 3, padding=1, groups=groups, bias_attr=False)


def conv1x1(channels: int, out_channels: int) -> nn.Conv2D:
    """The network's pointwise convolution: no bias."""
    return nn.Conv2D(channels, out_channels, 1, bias_attr=False)
