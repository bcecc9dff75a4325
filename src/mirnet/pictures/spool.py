"""A temporary file of finished rows: hidden, next to the target, uncompressed.

The spool is a TIFF of small strips, which libvips reads strip by strip; it would map bare rows into
memory as a whole.
"""

from io import FileIO

import numpy as np

from mirnet.pictures import tiff

STRIP = 1 << 18
"""Approximate bytes per strip."""

HEADER = b"II\x2b\0\x08\0\0\0" + bytes(8)
"""Header of a little-endian BigTIFF; the offset of the directory is filled in at the end."""

SHORT, LONG, LONG8 = (3, "<u2"), (4, "<u4"), (16, "<u8")
"""Field types with the numbers they hold."""


class Spool:
    """Takes rows of uint8, uint16 or float32, h w c, and becomes a TIFF.

    Raises:
        OSError: from `append` and `finish`, if the disk is full.
    """

    def __init__(self, file: FileIO) -> None:
        self.file = file
        self._write(HEADER)

    def append(self, rows: np.ndarray) -> None:
        little = np.ascontiguousarray(rows, rows.dtype.newbyteorder("<"))
        self._write(little.data.cast("B"))

    def finish(self, height: int, width: int, channels: int, dtype: np.dtype[np.generic]) -> None:
        """Describe the rows appended: pictures of 2 or 4 channels have alpha."""
        row = width * channels * dtype.itemsize
        rows = max(STRIP // row, 1)
        tops = np.arange(0, height, rows)
        fields = {
            256: (LONG, width),
            257: (LONG, height),
            258: (SHORT, [dtype.itemsize * 8] * channels),
            259: (SHORT, 1),  # not compressed
            262: (SHORT, 1 if channels < 3 else 2),  # zero is black, or RGB
            273: (LONG8, len(HEADER) + tops * row),
            277: (SHORT, channels),
            278: (LONG, rows),
            279: (LONG8, np.minimum(rows, height - tops) * row),
            284: (SHORT, 1),  # interleaved channels
            339: (SHORT, [3 if dtype.kind == "f" else 1] * channels),  # float, or unsigned
        }
        if channels in (2, 4):
            fields[338] = (SHORT, 2)  # colours are not premultiplied by alpha
        values = {
            tag: (kind, np.asarray(numbers, word).tobytes())
            for tag, ((kind, word), numbers) in fields.items()
        }
        body, first = tiff.write(tiff.Directory(values), start=self.file.tell(), big=True)
        self._write(body)
        self.file.seek(8)
        self._write(first.to_bytes(8, "little"))

    def _write(self, data: bytes | memoryview) -> None:
        while data:  # the system may take less than all of it at once
            data = data[self.file.write(data) :]
