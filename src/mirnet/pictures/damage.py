"""Find damage in JPEGs, PNGs and TIFFs that libvips lets pass.

Most damage to a JPEG shows only at its end: a JPEG is decoded once more before its rows are read. A
PNG is inflated once more, since decoders ignore data beyond what a header that lies has told.
libtiff stops decoding a tile or strip once it is full: it never compares the checksum of Deflate,
and takes LZW and PackBits that hold too much. Each segment of a TIFF is checked on its own, shortly
before its rows are read. Other kinds of compression, and what some encoders are known to write
differently, are left to libvips.
"""

import zlib
from collections.abc import Callable, Iterator
from io import BufferedIOBase

from mirnet.errors import ImageError
from mirnet.pictures import jpeg, lzw, png
from mirnet.pictures.segments import PIECE, Segment, Segments
from mirnet.pictures.source import File
from mirnet.pictures.vips import as_image_error

FAILED = "cannot be read"

YCBCR = 6
"""Value of the tag for the colour space: except in JPEG, rows of it have no simple size."""

NOTHING = 128
"""PackBits: a byte without meaning."""

MOST_PADDING = 1
"""PackBits: bytes that fill up a segment to an even number."""


def sound_rows(file: File, kind: str) -> Iterator[int]:
    """Check a file from top to bottom, if its kind is jpeg, png or tiff.

    Of a TIFF at most a segment is in memory, of a PNG less than a megabyte; of a JPEG the file, but
    never its pixels.

    Yields:
        The number of rows of the upright picture that were checked so far; after the last one, all
        of them were.

    Raises:
        ImageError: if the file is damaged.
    """
    if kind not in ("jpeg", "png", "tiff"):
        return
    with as_image_error(file.name, FAILED), file.open() as opened:
        if kind != "tiff":
            is_sound = jpeg.is_sound(opened.read()) if kind == "jpeg" else png.is_sound(opened)
            if not is_sound:
                raise ImageError(f"{file.name} {FAILED}: its data is damaged")
            return
        segments = Segments.of(opened)
        if segments is None or segments.compression not in CHECKS:
            return
        if segments.compression != JPEG and segments.colour_space == YCBCR:
            return
        for bottom, level in segments:
            for segment in level:
                # those left out, as in sparse files, are up to libvips
                if segment.size and not CHECKS[segments.compression](segment, opened, segments):
                    raise ImageError(f"{file.name} {FAILED}: its {segment.name} is damaged")
            if not segments.is_turned:
                yield bottom


def _deflate(segment: Segment, file: BufferedIOBase, _: Segments) -> bool:
    decoder, size = zlib.decompressobj(), 0
    try:
        for piece in segment.pieces(file):
            while not decoder.eof and (piece or size % PIECE == 0):
                decoded = decoder.decompress(piece, PIECE)
                size, piece = size + len(decoded), decoder.unconsumed_tail
                if not decoded and not piece:
                    break
    except zlib.error:
        return False
    # without an end there was no checksum to compare
    return size >= segment.least if decoder.eof else segment.least <= size <= segment.full


def _lzw(segment: Segment, file: BufferedIOBase, _: Segments) -> bool:
    file.seek(segment.offset)
    head = file.read(2)
    if len(head) < 2:
        return False
    if head[0] == 0 and head[1] & 1:  # codes in the other order of bits, as before TIFF 6
        return True
    try:
        sizes = lzw.lengths(segment.pieces(file))
    except lzw.DamagedError:
        return False
    return sizes is None or not sizes.isdisjoint({segment.least, segment.full})


def _packbits(segment: Segment, file: BufferedIOBase, _: Segments) -> bool:
    size, place, start = 0, 0, 0  # decoded bytes; where the next run begins, and this piece
    for piece in segment.pieces(file):
        while place < start + len(piece):
            if size in (segment.least, segment.full) and segment.size - place <= MOST_PADDING:
                return True
            code = piece[place - start]
            if code < NOTHING:
                size, place = size + code + 1, place + code + 2
            elif code > NOTHING:
                size, place = size + 257 - code, place + 2
            else:
                place += 1
        start += len(piece)
    return size in (segment.least, segment.full) and place == segment.size


def _jpeg(segment: Segment, file: BufferedIOBase, segments: Segments) -> bool:
    file.seek(segment.offset)
    data = file.read(segment.size)
    if segments.tables:  # all but its end, then all but the beginning of the segment
        data = segments.tables[:-2] + data[2:]
    return jpeg.is_sound(data)


Check = Callable[[Segment, BufferedIOBase, Segments], bool]
"""Whether a segment can be what an encoder wrote."""

JPEG = 7
CHECKS: dict[int, Check] = {5: _lzw, JPEG: _jpeg, 8: _deflate, 32946: _deflate, 32773: _packbits}
"""By the value of the tag for compression."""
