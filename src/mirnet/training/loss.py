"""Training losses."""

from jaxtyping import Float
from torch import Tensor

NetworkOutput = Float[Tensor, "b c h w"]

INVISIBLE = 1 / 255
"""A root mean square difference of one level, 48 dB, which is invisible."""
DARK, EVEN = 0.16, 0.002
"""Largest value of a dark field, and largest deviation within a channel."""


def charbonnier(restored: NetworkOutput, clean: NetworkOutput, epsilon: float) -> Float[Tensor, ""]:
    """The mean of sqrt(difference² + epsilon²), on the unclipped output; of |difference| at 0.

    Clipping first would remove the gradient where the network overshoots. (Charbonnier et al.,
    ICIP 1994.)
    """
    difference = restored.float() - clean
    if not epsilon:  # the root has no gradient at a difference of zero
        return difference.abs().mean()
    return (difference**2 + epsilon**2).sqrt().mean()


def minus_psnr(
    restored: NetworkOutput, clean: NetworkOutput, shadows: float = 0.0
) -> Float[Tensor, ""]:
    """The mean over the patches of their negative PSNR in dB, on the unclipped output.

    The weight of a patch depends on its current error: one at 40 dB has nearly three times the
    gradient of one at 30, where Charbonnier's loss gives both the same. Below `INVISIBLE` there is
    little left to gain, 48.1 dB at most. (Chen et al.: HINet, CVPR workshops 2021.)

    If a dark field of one colour is too dark on average, the square of its channels' mean
    difference is added, weighted by `shadows`: noise that is clipped at black hides the level
    below, and in doubt a network should keep shadows open, not close them.
    """
    difference = restored.float() - clean
    squares = (difference**2).mean((1, 2, 3))
    if shadows:
        is_even = clean.std((2, 3)).amax(1) < EVEN
        is_dark_field = is_even & (clean.amax((1, 2, 3)) < DARK)
        lost = difference.mean((2, 3)).clamp(max=0)
        squares = squares + shadows * is_dark_field * (lost**2).mean(1)
    return 10 * (squares + INVISIBLE**2).log10().mean()
