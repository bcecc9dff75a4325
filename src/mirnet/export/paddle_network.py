"""MIRNetV2 in Paddle: `mirnet.network` once more, with parameters under the official names.

What each part does stands there. Paddle and the official code name a parameter after the
attributes that lead to it, so the attributes here are those of `weights.upstream`.
"""

from typing import Any, no_type_check

from mirnet.network import SLOPE, Configuration
from mirnet.runtimes.paddle import contained

with contained():
    import paddle
    from paddle import nn
    from paddle.nn import functional

Features = Any
"""b c h w: a Paddle tensor, or what stands for one while a program is recorded."""


class ResidualContextBlock(nn.Layer):
    """Two grouped 3x3 convolutions and a global context, added to the input."""

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__()
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
        attention = functional.softmax(self.gcnet.conv_mask(features).flatten(2), 2)  # b 1 hw
        # one product of matrices: Paddle takes eight times as long to multiply and sum
        context = paddle.matmul(features.flatten(2), attention, transpose_y=True)  # b c 1
        transformed = self.gcnet.channel_add_conv(context.unsqueeze(3))
        return self.activation(features + transformed) + x


class SelectiveFusion(nn.Layer):
    """Blend a fine and a coarse feature map, weighing them per channel."""

    def __init__(self, channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        hidden = max(channels // reduction, 4)
        self.conv_du = nn.Sequential(conv1x1(channels, hidden), nn.LeakyReLU(SLOPE))
        self.fcs = nn.LayerList([conv1x1(hidden, channels) for _ in range(2)])

    def forward(self, fine: Features, coarse: Features) -> Features:
        summary = self.conv_du((fine + coarse).mean([2, 3], keepdim=True))  # b hidden 1 1
        scores = paddle.stack([score(summary) for score in self.fcs])  # 2 b c 1 1
        weights = functional.softmax(scores, 0)
        return weights[0] * fine + weights[1] * coarse


class Resized(nn.Layer):
    """Steps to another resolution, at the place that the official names give them."""

    def __init__(self, *steps: nn.Layer) -> None:
        super().__init__()
        branch = nn.Layer()
        branch.bot = nn.Sequential(*steps)
        self.body = nn.LayerList([branch])

    def forward(self, x: Features) -> Features:
        return self.body[0].bot(x)


class MultiScaleBlock(nn.Layer):
    """Three resolutions that inform each other, twice with shared weights."""

    def __init__(self, widths: tuple[int, int, int], *, groups: int) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.down2 = down(fine, middle)
        self.down4 = nn.Sequential(down(fine, middle), down(middle, coarse))
        self.dau_top = ResidualContextBlock(fine, groups=groups)
        self.dau_mid = ResidualContextBlock(middle, groups=groups)
        self.dau_bot = ResidualContextBlock(coarse, groups=groups)
        self.up32_1, self.up32_2 = up(coarse, middle), up(coarse, middle)
        self.up21_1, self.up21_2 = up(middle, fine), up(middle, fine)
        self.skff_mid = SelectiveFusion(middle)
        self.skff_top = SelectiveFusion(fine)
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

    def __init__(self, widths: tuple[int, int, int], *, blocks: int, groups: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(MultiScaleBlock(widths, groups=groups) for _ in range(blocks)),
            conv3x3(widths[0], widths[0]),
        )

    def forward(self, x: Features) -> Features:
        return self.body(x) + x


class PaddleMIRNetV2(nn.Layer):
    """Restore a batch of pictures.

    Input: b in_channels h w, float32, RGB in 0..1, height and width multiples of 4, which nothing
    checks here. Output: b out_channels h w, not clipped.
    """

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        self.residual = configuration.residual
        width, widths = configuration.width, configuration.stream_widths
        self.conv_in = conv3x3(configuration.in_channels, width)
        self.body = nn.Sequential(
            *(
                RecursiveGroup(widths, blocks=configuration.blocks_per_group, groups=groups)
                for groups in configuration.groups
            )
        )
        self.conv_out = conv3x3(width, configuration.out_channels)

    @no_type_check  # Paddle reads this function's source, and takes no checker around it in tests
    def forward(self, x: Features) -> Features:
        shallow = self.conv_in(x)
        deep = self.body(shallow)
        return self.conv_out(deep) + x if self.residual else self.conv_out(deep + shallow)


def down(channels: int, out_channels: int) -> Resized:
    """Halve the resolution: average, then change the channels."""
    return Resized(nn.AvgPool2D(2, ceil_mode=True, exclusive=True), conv1x1(channels, out_channels))


def up(channels: int, out_channels: int) -> Resized:
    """Double the resolution: change the channels, then interpolate (half-pixel centres)."""
    return Resized(
        conv1x1(channels, out_channels),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False, align_mode=0),
    )


def conv3x3(channels: int, out_channels: int, *, groups: int = 1) -> nn.Conv2D:
    """The network's spatial convolution: zero padding, no bias."""
    return nn.Conv2D(channels, out_channels, 3, padding=1, groups=groups, bias_attr=False)


def conv1x1(channels: int, out_channels: int) -> nn.Conv2D:
    """The network's pointwise convolution: no bias."""
    return nn.Conv2D(channels, out_channels, 1, bias_attr=False)
