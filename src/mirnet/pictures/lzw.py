"""The length of LZW data as TIFF holds it, without decoding it.

LZW has no checksum. libtiff stops once a segment is full, so of damage it sees only what makes the
segment too short. The exact length tells more, and takes no strings: a code's length is one more
than that of the code its entry of the table was made from.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

CLEAR, END, FIRST = 256, 257, 258
"""The codes that empty the table and end the data, and the first one that stands for an entry."""

MOST = 4096 - FIRST + 1
"""Codes between two `CLEAR`: the table of 12 bits is full then."""

_WIDTHS = np.repeat([9, 10, 11, 12], [254, 512, 1024, MOST - 1790])
"""Bits of each code after a `CLEAR`: TIFF widens them one code early."""
_STARTS = np.concatenate(([0], np.cumsum(_WIDTHS)))
"""First bit of each code, and the end of the last."""

LONGEST = int(_STARTS[-1]) // 8 + 4
"""Bytes that hold the codes of one table wherever in a byte they begin, and two more."""

Codes = npt.NDArray[np.int64]


class DamagedError(ValueError):
    """No encoder writes such codes."""


def lengths(chunks: Iterable[bytes]) -> set[int] | None:
    """Bytes that LZW data in pieces of any size would decode to.

    Returns:
        One length; two if the data ends without `END`, where the last code may be made of bits that
        only fill up the last bytes. None if the data goes on with a full table.

    Raises:
        DamagedError: if a code stands for an entry that does not exist yet.
    """
    pieces = iter(chunks)
    data, bit, total = b"", 0, 0
    while True:
        data, bit = data[bit // 8 :], bit % 8
        while len(data) < LONGEST and (piece := next(pieces, b"")):
            data += piece
        codes = _codes(data, bit)
        stops = np.flatnonzero((codes == CLEAR) | (codes == END))
        if not len(stops):
            last = total + _length(codes)
            return None if len(codes) == MOST else {last, total + _length(codes[:-1])}
        stop = int(stops[0])
        total += _length(codes[:stop])
        if codes[stop] == END:
            return {total}
        bit += int(_STARTS[stop + 1])


def _codes(data: bytes, bit: int) -> Codes:
    """The next codes, as if a `CLEAR` stood before this bit."""
    count = int(np.searchsorted(_STARTS, len(data) * 8 - bit, side="right")) - 1
    first = _STARTS[:count] + bit
    padded = np.frombuffer(data[:LONGEST] + bytes(2), np.uint8).astype(np.int64)
    place = first >> 3
    window = padded[place] << 16 | padded[place + 1] << 8 | padded[place + 2]
    codes: Codes = window >> (24 - (first & 7) - _WIDTHS[:count]) & ((1 << _WIDTHS[:count]) - 1)
    return codes


def _length(codes: Codes) -> int:
    """The bytes of codes that begin with an empty table."""
    order = np.arange(len(codes))
    made_from = np.where(codes < FIRST, order, codes - FIRST)
    if (made_from[codes >= FIRST] >= order[codes >= FIRST]).any():
        raise DamagedError
    longer = (codes >= FIRST).astype(np.int64)
    while (made_from != (further := made_from[made_from])).any():  # doubles the steps each time
        longer += longer[made_from]
        made_from = further
    return int(longer.sum() + len(codes))
