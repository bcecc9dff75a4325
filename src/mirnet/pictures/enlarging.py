"""Enlarge pictures by whole factors with a classic filter, in one piece or row by row.

This is what a network that enlarges has to beat, and what takes its place where it has no say: in
the alpha channel, and in the share of the original that a strength below 1 keeps. Filters and
positions are those of MATLAB's `imresize` and of Pillow (half-pixel centres, Keys' cubic with
a = -0.5, Lanczos of three lobes); beyond the border the picture is mirrored, as in MATLAB.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from mirnet.pictures import pixels
from mirnet.pictures.source import Rows, RowsOf, Source
from mirnet.shapes import Image, Larger, Pixels

BAND = 64
"""Rows of the original that are enlarged at a time."""

Values = npt.NDArray[np.float64]


def _cubic(x: Values) -> Values:
    """Keys' cubic convolution with a = -0.5 (Keys, IEEE Trans. ASSP 1981)."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _lanczos(x: Values) -> Values:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


KERNELS: dict[str, tuple[Callable[[Values], Values], int]] = {
    "bicubic": (_cubic, 2),
    "lanczos": (_lanczos, 3),
}
"""Filters by name, with their reach in pixels of the original."""


def enlarge(image: Image, scale: int, kernel: str = "bicubic") -> Larger:
    """The picture `scale` times as high and wide; not clipped, since filters overshoot.

    Args:
        image: h w c.
        scale: 1 or more.
        kernel: one of `KERNELS`.

    >>> enlarge(np.ones((2, 3, 1), np.float32), 2).shape
    (4, 6, 1)
    """
    weights = _weights(scale, kernel)
    height, width = image.shape[:2]
    tall = _phases(image[_around(0, height, height, weights)], weights)
    wide = tall.transpose(1, 0, 2)[_around(0, width, width, weights)]
    enlarged: Larger = np.ascontiguousarray(_phases(wide, weights).transpose(1, 0, 2))
    return enlarged


def enlarged(source: Source, scale: int, kernel: str = "bicubic") -> Source:
    """A freshly opened picture as one `scale` times as high and wide, with alpha and metadata.

    Its rows are enlarged as they are read, in memory for a few of them. The metadata say the new
    size; see `metadata.Metadata.enlarged`.
    """
    size = source.height, source.width
    rows = _enlarged(lambda _, count: source.read(count), size, source.dtype, scale, kernel)
    open_alpha: Callable[[], Rows] | None = None
    if source.open_alpha:
        open_alpha = partial(_open_alpha, source.open_alpha, size, source.dtype, scale, kernel)
    return replace(
        source,
        height=source.height * scale,
        width=source.width * scale,
        rows=rows,
        open_alpha=open_alpha,
        metadata=source.metadata.enlarged(scale),
    )


def _open_alpha(
    open_alpha: Callable[[], Rows],
    size: tuple[int, int],
    dtype: np.dtype[Any],
    scale: int,
    kernel: str,
) -> Rows:
    return _enlarged(open_alpha(), size, dtype, scale, kernel)


def _enlarged(
    rows: Rows, size: tuple[int, int], dtype: np.dtype[Any], scale: int, kernel: str
) -> Rows:
    return RowsOf(_bands(rows, *size, dtype, scale, kernel))


def _bands(
    rows: Rows, height: int, width: int, dtype: np.dtype[Any], scale: int, kernel: str
) -> Iterator[Pixels]:
    weights = _weights(scale, kernel)
    reach = weights.shape[1] // 2
    across = _around(0, width, width, weights)
    window, first, read = np.empty((0, width, 1), dtype), 0, 0
    for top in range(0, height, BAND):
        bottom = min(top + BAND, height)
        needed = min(bottom + reach, height)
        new = rows(read, needed - read) if needed > read else window[:0]
        window, read = np.concatenate([window, new]) if len(window) else new, needed
        image = pixels.to_float(window)
        wide = _phases(image.transpose(1, 0, 2)[across], weights).transpose(1, 0, 2)
        places = _around(top, bottom, height, weights) - first
        yield pixels.from_float(_phases(wide[places], weights), dtype)
        kept = max(bottom - 2 * reach, 0)
        window, first = window[kept - first :], kept


@lru_cache(maxsize=16)
def _weights(scale: int, kernel: str) -> npt.NDArray[np.float32]:
    """The filter for each of the `scale` positions in a pixel, scale by taps; rows sum to 1."""
    shape, reach = KERNELS[kernel]
    inside = (np.arange(scale) + 0.5) / scale - 0.5
    weights = shape(inside[:, None] - np.arange(-reach, reach + 1))
    normalised: npt.NDArray[np.float32] = (weights / weights.sum(1, keepdims=True)).astype(
        np.float32
    )
    return normalised


def _around(
    first: int, last: int, length: int, weights: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    """Indices from `first` to `last` and as far around as the filter reaches, mirrored."""
    reach = weights.shape[1] // 2
    places = np.arange(first - reach, last + reach) % (2 * length)
    return np.where(places < length, places, 2 * length - 1 - places)


def _phases(image: Image, weights: npt.NDArray[np.float32]) -> Larger:
    """The first axis enlarged; it comes with the filter's reach on both sides."""
    scale, taps = weights.shape
    count = len(image) - taps + 1
    enlarged = np.empty((count, scale, *image.shape[1:]), np.float32)
    for phase, filter_ in enumerate(weights):
        used = [tap for tap in range(taps) if filter_[tap]]
        total = image[used[0] : used[0] + count] * filter_[used[0]]
        for tap in used[1:]:
            total += image[tap : tap + count] * filter_[tap]
        enlarged[:, phase] = total
    return enlarged.reshape(count * scale, *image.shape[1:])
