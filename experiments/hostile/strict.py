"""Independent decoders that say whether a picture's data is damaged.

PNG and TIFF are checked by the formats' own rules, without libvips, libpng or libtiff: structure,
checksums, and that each row, strip and tile decompresses to all of its bytes. JPEG (also inside
TIFF) goes through OpenCV, whose libjpeg prints what it sees; WebP and AVIF through Pillow.

What no decoder can know is no damage here: other values in an uncompressed TIFF, another
quantisation table in a JPEG, most of a lossy WebP.
"""

import io
import os
import struct
import tempfile
import zlib

import cv2
import numpy as np
import tifffile
from PIL import Image


class DamagedError(Exception):
    """The decoder's reason."""


def damage(content: bytes) -> str | None:
    """What is wrong with the pixels' data, or None if nothing is seen."""
    try:
        if content.startswith(b"\x89PNG"):
            _check_png(content)
        elif content.startswith(b"\xff\xd8"):
            _check_jpeg(content)
        elif content[:2] in (b"II", b"MM"):
            _check_tiff(content)
        else:
            with Image.open(io.BytesIO(content)) as picture:
                picture.load()
    except DamagedError as error:
        return str(error)
    except Exception as error:  # decoders raise a dozen types for a damaged file
        return f"{type(error).__name__}: {error}"
    return None


def _check_png(content: bytes) -> None:
    place, data, header = 8, b"", b""
    kind = b""
    while kind != b"IEND":
        if place + 12 > len(content):
            raise DamagedError("ends within a chunk")
        (length,) = struct.unpack_from(">I", content, place)
        kind = content[place + 4 : place + 8]
        body = content[place + 8 : place + 8 + length]
        checksum = content[place + 8 + length : place + 12 + length]
        is_critical = not kind[0] & 0x20
        if is_critical and checksum != struct.pack(">I", zlib.crc32(kind + body)):
            raise DamagedError(f"checksum of {kind!r}")
        header = body if kind == b"IHDR" else header
        data += body if kind == b"IDAT" else b""
        place += 12 + length
    pixels = _inflate(data)
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    row = 1 + (width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] + 7) // 8
    if interlace:
        return
    if len(pixels) != row * height:
        raise DamagedError(f"{len(pixels)} bytes where {row * height} belong")
    if max(pixels[::row]) > 4:
        raise DamagedError("a filter that does not exist")


def _inflate(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    pixels = stream.decompress(data)
    if not stream.eof:
        raise DamagedError("the compressed data has no end")
    return pixels


def _check_jpeg(content: bytes) -> None:
    """OpenCV prints the warnings of libjpeg to descriptor 2."""
    with tempfile.TemporaryFile() as printed:
        kept = os.dup(2)
        os.dup2(printed.fileno(), 2)
        try:
            decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        printed.seek(0)
        lines = printed.read().decode(errors="replace").splitlines()
    if decoded is None:
        raise DamagedError(lines[-1] if lines else "cannot be decoded")
    if seen := [line for line in lines if "Corrupt JPEG" in line or "Premature end" in line]:
        raise DamagedError(seen[0])


def _check_tiff(content: bytes) -> None:
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page = file.pages.first
        assert isinstance(page, tifffile.TiffPage)
        compression = int(page.compression)
        channels = page.samplesperpixel if page.planarconfig == 1 else 1
        width = page.tilewidth if page.is_tiled else page.imagewidth
        row = (width * channels * page.bitspersample + 7) // 8
        rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
        across = -(-page.imagewidth // width)
        down = -(-page.imagelength // rows)
        if len(page.dataoffsets) < across * down:
            raise DamagedError(f"{len(page.dataoffsets)} pieces where {across * down} belong")
        for index, (start, length) in enumerate(
            zip(page.dataoffsets, page.databytecounts, strict=True)
        ):
            piece = content[start : start + length]
            if len(piece) < length:
                raise DamagedError("data lies beyond the end")
            left = page.imagelength - index // across * rows
            wanted = row * (rows if page.is_tiled else min(rows, left))
            if compression == 7:
                _check_jpeg(_whole_jpeg(page.jpegtables, piece))
                continue
            decoded = _decompressed(piece, compression)
            if decoded is not None and len(decoded) < wanted:
                raise DamagedError(f"{len(decoded)} bytes where {wanted} belong")


def _whole_jpeg(tables: bytes | None, piece: bytes) -> bytes:
    return tables[:-2] + piece[2:] if tables else piece


def _decompressed(piece: bytes, compression: int) -> bytes | None:
    """The bytes of a strip or tile; None for a compression that is not known here."""
    if compression == 1:
        return piece
    if compression in (8, 32946):
        return _inflate(piece)
    if compression == 32773:
        return _unpack_bits(piece)
    return _unpack_lzw(piece) if compression == 5 else None


def _unpack_bits(piece: bytes) -> bytes:
    out, place = bytearray(), 0
    while place < len(piece):
        head = piece[place]
        if head < 128:
            run = piece[place + 1 : place + 2 + head]
            if len(run) < head + 1:
                raise DamagedError("ends within a run")
            out += run
            place += 2 + head
        else:
            if head > 128:
                if place + 1 >= len(piece):
                    raise DamagedError("ends within a run")
                out += piece[place + 1 : place + 2] * (257 - head)
            place += 1 if head == 128 else 2
    return bytes(out)


def _unpack_lzw(piece: bytes) -> bytes:
    """TIFF's LZW: highest bits first, codes grow one entry early, 256 clears, 257 ends."""
    bits = int.from_bytes(piece, "big")
    left, width = 8 * len(piece), 9
    table: list[bytes] = []
    out, before = bytearray(), b""
    while left >= width:
        left -= width
        code = bits >> left & ((1 << width) - 1)
        if code == 257:
            return bytes(out)
        if code == 256:
            table, width, before = [bytes([each]) for each in range(256)] + [b"", b""], 9, b""
            continue
        if not table:
            raise DamagedError("does not begin with a clear code")
        if code < len(table) and code != 256:
            entry = table[code]
        elif code == len(table) and before:
            entry = before + before[:1]
        else:
            raise DamagedError("a code that does not exist yet")
        out += entry
        if before:
            table.append(before + entry[:1])
        before = entry
        if len(table) > 4095:
            raise DamagedError("the table overflows")
        width = 9 + (len(table) >= 511) + (len(table) >= 1023) + (len(table) >= 2047)
    raise DamagedError("no end code")
