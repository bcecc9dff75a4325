"""What training makes small."""

from jaxtyping import Float
from torch import Tensor

Output = Float[Tensor, "b c h w"]


def charbonnier(restored: Output, clean: Output, epsilon: float) -> Float[Tensor, ""]:
    """The mean of sqrt(difference² + epsilon²), on the unclipped output; of |difference| for 0.

    Clipping first would leave no gradient where the network overshoots. (Charbonnier et al.,
    ICIP 1994.)
    """
    difference = restored.float() - clean
    if not epsilon:  # whose root has no gradient where there is no difference
        return difference.abs().mean()
    return (difference**2 + epsilon**2).sqrt().mean()
