"""Where tiles lie. Plain integers: no arrays, no runtime."""

from mirnet.errors import TilingError
from mirnet.shapes import MULTIPLE


def check(side: int, overlap: int) -> None:
    """Refuse sizes that the network or the blending cannot take.

    Raises:
        TilingError: if a size is not a multiple of 4, the tile is smaller than 32, or the overlap
            takes up more than half of it.
    """
    if side < 32 or side % MULTIPLE:
        raise TilingError(f"a tile is a multiple of {MULTIPLE} and at least 32, got {side}")
    if overlap % MULTIPLE or not 0 <= overlap <= side // 2:
        raise TilingError(
            f"an overlap is a multiple of {MULTIPLE} from 0 to half the tile ({side // 2}), "
            f"got {overlap}"
        )


def round_up(length: int) -> int:
    """The next multiple of 4.

    >>> round_up(5), round_up(8)
    (8, 8)
    """
    return -(-length // MULTIPLE) * MULTIPLE


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where tiles begin along one axis of `length` pixels, evenly spread.

    The fewest tiles that cover it, neighbours sharing at least `overlap` pixels. Every start is a
    multiple of 4, so that all tiles halve the picture on the same grid; `length`, `side` and
    `overlap` must be multiples of 4 too, and the tile no longer than the axis.

    >>> starts(100, 40, 8)
    [0, 28, 60]
    """
    if length <= side:
        return [0]
    count = -(-(length - overlap) // (side - overlap))
    last = length - side
    return [k * last // (count - 1) // MULTIPLE * MULTIPLE for k in range(count)]
