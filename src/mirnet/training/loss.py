"""What training makes small."""

from jaxtyping import Float
from torch import Tensor

Output = Float[Tensor, "b c h w"]

INVISIBLE = 1 / 255
"""A root mean square difference of one level, 48 dB, which nobody sees."""
DARK, EVEN = 0.16, 0.002
"""The brightest value of a dark field, and the largest deviation within a channel."""


def charbonnier(restored: Output, clean: Output, epsilon: float) -> Float[Tensor, ""]:
    """The mean of sqrt(difference² + epsilon²), on the unclipped output; of |difference| for 0.

    Clipping first would leave no gradient where the network overshoots. (Charbonnier et al.,
    ICIP 1994.)
    """
    difference = restored.float() - clean
    if not epsilon:  # whose root has no gradient where there is no difference
        return difference.abs().mean()
    return (difference**2 + epsilon**2).sqrt().mean()


def minus_psnr(restored: Output, clean: Output, shadows: float = 0.0) -> Float[Tensor, ""]:
    """The mean over the patches of minus their PSNR in dB, on the unclipped output.

    Each patch weighs by how near it is already: one at 40 dB has nearly three times the gradient
    of one at 30, where Charbonnier's loss gives both the same. Below `INVISIBLE` there is little
    left to gain, 48.1 dB at most. (Chen et al.: HINet, CVPR workshops 2021.)

    Where a dark field of one colour comes out too dark as a whole, the square of its channels'
    mean difference is added `shadows` times: noise that is cut off at black hides the level below,
    and a network that is unsure should leave shadows open, not close them.
    """
    difference = restored.float() - clean
    squares = (difference**2).mean((1, 2, 3))
    if shadows:
        is_even = clean.std((2, 3)).amax(1) < EVEN
        is_dark_field = is_even & (clean.amax((1, 2, 3)) < DARK)
        lost = difference.mean((2, 3)).clamp(max=0)
        squares = squares + shadows * is_dark_field * (lost**2).mean(1)
    return 10 * (squares + INVISIBLE**2).log10().mean()
