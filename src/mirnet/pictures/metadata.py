"""What a picture carries besides its pixels: EXIF, XMP, IPTC, colour profile and resolution.

The blocks are copied uninterpreted, with three exceptions: the orientation is set to upright,
because the pixels are rotated; the thumbnail in EXIF is dropped, because it shows the original
picture; and IPTC is packed differently in JPEG and TIFF.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import pyvips

from mirnet.pictures import tiff

BLOCKS = {"exif-data": "EXIF", "xmp-data": "XMP", "iptc-data": "IPTC", "icc-profile-data": "ICC"}
"""libvips fields that hold metadata as bytes, with their common names."""

TEXTS = ("image-description", "png-comment-", "resolution-unit")
"""Prefixes of libvips fields that hold text."""

DPI_72 = 72 / 25.4
"""Pixels per millimetre, used if a picture states no resolution."""

PHOTOSHOP, RESOURCE, IPTC_RESOURCE = b"Photoshop 3.0\0", b"8BIM", b"\x04\x04"
"""JPEG keeps IPTC as one of Photoshop's resources; TIFF and libvips' other formats keep it bare."""


@dataclass(frozen=True)
class Metadata:
    """Metadata carried from one file to the next."""

    blocks: dict[str, bytes]
    """Blocks by the name of their libvips field, see `BLOCKS`."""
    texts: dict[str, str]
    resolution: tuple[float, float] = (DPI_72, DPI_72)
    """Pixels per millimetre, horizontal and vertical."""

    @property
    def names(self) -> set[str]:
        """Names of the blocks present: EXIF, XMP, IPTC, ICC."""
        return {BLOCKS[field] for field in self.blocks}


def gather(image: pyvips.Image, open_file: Callable[[], BufferedIOBase]) -> Metadata:
    """All metadata of `image`; `open_file` opens its file again."""
    fields = image.get_fields()
    blocks = {name: bytes(image.get(name)) for name in BLOCKS if name in fields}
    if image.get("vips-loader").startswith("tiffload"):
        with open_file() as file:
            own = {"exif-data": tiff.read_exif(file), "iptc-data": tiff.read_iptc(file)}
        blocks |= {name: block for name, block in own.items() if block}
    if "exif-data" in blocks:
        blocks["exif-data"] = tiff.without_thumbnail(blocks["exif-data"])
    if "xmp-data" in blocks:
        blocks["xmp-data"] = _upright(blocks["xmp-data"])
    texts = {name: image.get(name) for name in fields if name.startswith(TEXTS)}
    # loaders that find no resolution set 1 (TIFF, WebP, AVIF) or 72 dpi (JPEG, PNG)
    known = (image.xres, image.yres) != (1, 1)
    return Metadata(blocks, texts, (image.xres, image.yres) if known else (DPI_72, DPI_72))


def attach(metadata: Metadata, image: pyvips.Image, *, has_iptc: bool) -> pyvips.Image:
    """The picture with the metadata that libvips is to write; the pixels do not change."""
    across, down = metadata.resolution
    image = image.copy(xres=across, yres=down)
    for name, block in metadata.blocks.items():
        if name != "iptc-data":
            image.set_type(pyvips.GValue.blob_type, name, block)
        elif has_iptc:
            image.set_type(pyvips.GValue.blob_type, name, _packed(block))
    for name, text in metadata.texts.items():
        image.set_type(pyvips.GValue.gstr_type, name, text)
    # after EXIF, which libvips then updates to match
    image.set_type(pyvips.GValue.gint_type, "orientation", 1)
    return image


def attach_to_tiff(metadata: Metadata, path: Path) -> None:
    """Add to a finished TIFF what libvips did not write."""
    exif = metadata.blocks.get("exif-data", b"")
    iptc = _bare(metadata.blocks.get("iptc-data", b""))
    if exif or iptc:
        with path.open("r+b") as file:
            tiff.add(file, exif=exif, iptc=iptc)


def lost(before: Metadata, after: Metadata) -> list[str]:
    """Common names of what is in `before` but not in `after`."""
    names = sorted(before.names - after.names)
    if "EXIF" in before.names & after.names:
        had, has = (tiff.tags(data.blocks["exif-data"]) for data in (before, after))
        names += [f"EXIF tag {tag}" for tag in sorted(had - has)]
    return names


def _upright(xmp: bytes) -> bytes:
    """Set the orientation that XMP may repeat from EXIF, as an attribute or as an element."""
    return re.sub(rb"(tiff:Orientation(?:=[\"']|>))[2-8]", rb"\g<1>1", xmp)


def _bare(iptc: bytes) -> bytes:
    """IPTC without Photoshop's wrapper."""
    if not iptc.startswith(PHOTOSHOP):
        return iptc
    place = len(PHOTOSHOP)
    while iptc[place : place + 4] == RESOURCE:
        kind, name = iptc[place + 4 : place + 6], iptc[place + 6]
        start = place + 7 + name + (name + 1) % 2 + 4
        size = int.from_bytes(iptc[start - 4 : start], "big")
        if kind == IPTC_RESOURCE:
            return iptc[start : start + size]
        place = start + size + size % 2
    return b""


def _packed(iptc: bytes) -> bytes:
    """IPTC in Photoshop's wrapper."""
    if iptc.startswith(PHOTOSHOP):
        return iptc
    size = len(iptc).to_bytes(4, "big")
    return PHOTOSHOP + RESOURCE + IPTC_RESOURCE + bytes(2) + size + iptc + bytes(len(iptc) % 2)
