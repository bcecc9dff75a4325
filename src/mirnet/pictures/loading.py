"""Which loader of libvips reads a file, decided here by the first bytes of its content.

Asked to find a loader itself, libvips would offer the file to all of them, such as those for SVG,
PDF and ImageMagick's formats; each would parse what may be hostile. A loader that is called by name
keeps the others out, whatever the file's suffix, and needs no setting for the whole process.
"""

from io import BufferedIOBase

import pyvips

HEAD = 12
"""Bytes from the beginning of a file that tell its kind."""

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Both byte orders, classic and BigTIFF."""

STRICT = {"tiff"}
"""Kinds that libvips reads with gaps, of damaged tiles, unless warnings count as errors."""


def kind_of(head: bytes) -> str | None:
    """The kind of a file by its first bytes: jpeg, png, tiff, webp, heif; None if it is another.

    heif is what AVIF is packed in; so is HEIC, which libvips then refuses.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(TIFF):
        return "tiff"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    return "heif" if head[4:8] == b"ftyp" else None


def load(source: pyvips.Source, kind: str, *, access: str = "sequential") -> pyvips.Image:
    """Open a file of a kind that `kind_of` found; raises at once or while pixels are read.

    Args:
        source: the file.
        kind: see `kind_of`.
        access: `sequential`, from top to bottom, or `random`.

    Raises:
        pyvips.Error: if the file is damaged.
    """
    fail_on = "warning" if kind in STRICT else "error"
    image = pyvips.Operation.call(f"{kind}load_source", source, access=access, fail_on=fail_on)
    # as `Image.new_from_source` does: the image reads memory that the source keeps
    image._references.append(source)
    return image


def is_lossless_webp(file: BufferedIOBase) -> bool:
    """Whether the first frame of a WebP is compressed without loss."""
    place = 12
    while True:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8 or head[:4] in (b"VP8L", b"VP8 "):
            return head[:4] == b"VP8L"
        size = int.from_bytes(head[4:], "little")
        # a frame of an animation holds further chunks, after 16 bytes
        place += 24 if head[:4] == b"ANMF" else 8 + size + size % 2
