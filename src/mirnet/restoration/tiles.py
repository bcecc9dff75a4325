"""Positions and sizes of tiles. Plain integers: no arrays, no runtime."""

from mirnet.errors import TilingError

PAGE = 1024
"""Four-byte pixels in a page of memory: caches map data by its position within a page."""


def smallest(multiple: int) -> int:
    """Side of the smallest tile of a model whose input sides are multiples of this.

    >>> smallest(4), smallest(32)
    (32, 64)
    """
    return max(32, 2 * multiple)


def check(side: int, overlap: int, multiple: int) -> None:
    """Refuse sizes that the network or the blending cannot take.

    Raises:
        TilingError: if a size is not a multiple of what the network takes, the tile is smaller than
            32 or two multiples, or the overlap takes up more than half of it.
    """
    least = smallest(multiple)
    if side < least or side % multiple:
        raise TilingError(f"a tile is a multiple of {multiple} and at least {least}, got {side}")
    if overlap % multiple or not 0 <= overlap <= side // 2:
        raise TilingError(
            f"an overlap is a multiple of {multiple} from 0 to half the tile ({side // 2}), "
            f"got {overlap}"
        )


def round_up(length: int, multiple: int) -> int:
    """The length, rounded up to a multiple.

    >>> round_up(5, 4), round_up(8, 4)
    (8, 8)
    """
    return -(-length // multiple) * multiple


def fit(length: int, side: int, overlap: int, multiple: int) -> int:
    """The smallest tile that covers an axis with as few tiles as `side` does.

    A picture slightly longer than a tile is cut in two halves, not into two full tiles that overlap
    almost completely. All numbers are multiples of `multiple`, and so is the result.

    >>> fit(272, 256, 32, 4), fit(200, 256, 32, 4)
    (152, 200)
    """
    count = _count(length, side, overlap)
    return round_up(-(-(length + (count - 1) * overlap) // count), multiple)


def off_pages(size: tuple[int, int], most: tuple[int, int], multiple: int) -> tuple[int, int]:
    """The tile size, one multiple taller or wider if its channels would fill whole pages.

    All channels of such a tile begin at the same position of a page and evict each other from the
    cache; docs/tiling.md has the cost. No side grows beyond that of `most`: if neither can grow,
    the tile keeps its size.

    >>> off_pages((160, 160), (188, 188), 4), off_pages((192, 96), (192, 192), 4)
    ((164, 160), (192, 100))
    >>> off_pages((164, 160), (188, 188), 4), off_pages((192, 192), (192, 192), 4)
    ((164, 160), (192, 192))
    """
    height, width = size
    for taller, wider in ((0, 0), (multiple, 0), (0, multiple)):
        grown = height + taller, width + wider
        if grown[0] <= most[0] and grown[1] <= most[1] and grown[0] * grown[1] % PAGE:
            return grown
    return size


def starts(length: int, side: int, overlap: int, multiple: int) -> list[int]:
    """Where tiles begin along one axis of `length` pixels, evenly spread.

    The fewest tiles that cover the axis, with neighbours sharing at least `overlap` pixels. Every
    start is a multiple of `multiple`, so that all tiles downsample the picture on the same grid and
    share the same grid of cells; `length`, `side` and `overlap` must be such multiples too, and the
    tile no longer than the axis.

    >>> starts(100, 40, 8, 4)
    [0, 28, 60]
    """
    count = _count(length, side, overlap)
    if count == 1:
        return [0]
    last = length - side
    return [k * last // (count - 1) // multiple * multiple for k in range(count)]


def _count(length: int, side: int, overlap: int) -> int:
    return 1 if length <= side else -(-(length - overlap) // (side - overlap))
