"""What training makes small."""

from jaxtyping import Float
from torch import Tensor

Output = Float[Tensor, "b c h w"]

INVISIBLE = 1 / 255
"""A root mean square difference of one level, 48 dB, which nobody sees."""


def charbonnier(restored: Output, clean: Output, epsilon: float) -> Float[Tensor, ""]:
    """The mean of sqrt(difference² + epsilon²), on the unclipped output; of |difference| for 0.

    Clipping first would leave no gradient where the network overshoots. (Charbonnier et al.,
    ICIP 1994.)
    """
    difference = restored.float() - clean
    if not epsilon:  # whose root has no gradient where there is no difference
        return difference.abs().mean()
    return (difference**2 + epsilon**2).sqrt().mean()


def minus_psnr(restored: Output, clean: Output) -> Float[Tensor, ""]:
    """The mean over the patches of minus their PSNR in dB, on the unclipped output.

    Each patch weighs by how near it is already: one at 40 dB has nearly three times the gradient
    of one at 30, where Charbonnier's loss gives both the same. Below `INVISIBLE` there is little
    left to gain, 48.1 dB at most. (Chen et al.: HINet, CVPR workshops 2021.)
    """
    squares = ((restored.float() - clean) ** 2).mean((1, 2, 3))
    return 10 * (squares + INVISIBLE**2).log10().mean()
