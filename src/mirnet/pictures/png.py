"""Whether the data of a PNG is as long as its header wants (PNG specification, third edition).

libpng and spng stop at the last row: when the header tells too few rows or columns, they give a
part of the picture, or rows that begin in the wrong place, without a word.
"""

import struct
import zlib
from collections.abc import Iterator
from io import BufferedIOBase

SIGNATURE = b"\x89PNG\r\n\x1a\n"

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By colour type."""

PASSES = (
    *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
    *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
)
"""First row and column, and steps between rows and columns, of each pass of interlaced data."""

PIECE = 1 << 18
"""Bytes read, and inflated, at a time."""


def is_sound(file: BufferedIOBase) -> bool:
    """Whether the pixels' data inflates to no more than the header wants, and has no errors.

    Takes the time of inflating, and half a megabyte. What is too short is left to the decoder, and
    so are files that are no PNG.
    """
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return True
    chunks = _chunks(file)
    kind, length = next(chunks, (b"", 0))
    if kind != b"IHDR" or length < 13:
        return True
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", file.read(13))
    if colour not in CHANNELS:
        return True
    left = size(width, height, depth * CHANNELS[colour], is_interlaced=bool(interlace))
    decoder = zlib.decompressobj()
    try:
        for piece in _pixels(file, chunks):
            rest = piece
            while not decoder.eof:
                inflated = decoder.decompress(rest, PIECE)
                left, rest = left - len(inflated), decoder.unconsumed_tail
                if left < 0:
                    return False
                if len(inflated) < PIECE and not rest:
                    break
    except zlib.error:
        return False
    return True


def size(width: int, height: int, bits: int, *, is_interlaced: bool) -> int:
    """Bytes of a picture's rows, each with the byte for its filter.

    Args:
        width: in pixels, as the height.
        height: see there.
        bits: of one pixel.
        is_interlaced: whether the rows are those of seven passes.

    >>> size(5, 3, 24, is_interlaced=False), size(5, 3, 24, is_interlaced=True)
    (48, 52)
    """
    passes = PASSES if is_interlaced else ((0, 0, 1, 1),)
    total = 0
    for top, left, down, right in passes:
        rows, columns = (
            max(0, height - top + down - 1) // down,
            max(0, width - left + right - 1) // right,
        )
        if columns:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _chunks(file: BufferedIOBase) -> Iterator[tuple[bytes, int]]:
    """Kind and length of each chunk, with the file at its data; stops at what is cut off."""
    place = file.tell()
    while True:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        yield kind, length
        if kind == b"IEND":
            return
        place += 12 + length


def _pixels(file: BufferedIOBase, chunks: Iterator[tuple[bytes, int]]) -> Iterator[bytes]:
    """The compressed data in pieces."""
    for kind, length in chunks:
        left = length if kind == b"IDAT" else 0
        while left and (piece := file.read(min(left, PIECE))):
            left -= len(piece)
            yield piece
