"""What a picture carries besides its pixels: EXIF, XMP, IPTC, colour profile and resolution.

The blocks are copied uninterpreted, with three exceptions: the orientation is set to upright,
because the pixels are rotated; the thumbnail in EXIF is dropped, because it shows the original
picture; and IPTC is packed differently in JPEG and TIFF.
"""

import math
import mmap
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path

import pyvips

from mirnet.pictures import jpeg, tiff, vips

BLOCKS = {"exif-data": "EXIF", "xmp-data": "XMP", "iptc-data": "IPTC", "icc-profile-data": "ICC"}
"""libvips fields that hold metadata as bytes, with their common names."""

TEXTS = ("image-description", "png-comment-", "resolution-unit")
"""Prefixes of libvips fields that hold text."""

PNG_EXIF = b"eXIf"
"""Name of the chunk of a PNG that holds EXIF."""

DPI_72 = 72 / 25.4
"""Pixels per millimetre, used if a picture states no resolution."""

XMP_SIZES = (
    rb"((?:exif:Pixel[XY]Dimension|tiff:Image(?:Width|Length))(?:=[\"']|>))(\d{1,9})(?=[\"'<])"
)
"""What XMP may repeat of the picture's size, as attributes or elements, and the number."""

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

    comments: tuple[bytes, ...] = ()
    """Comments of a JPEG; no other format has them."""

    @property
    def names(self) -> set[str]:
        """Names of what is present: EXIF, XMP, IPTC, ICC, comment."""
        return {BLOCKS[field] for field in self.blocks} | ({"comment"} if self.comments else set())

    def enlarged(self, scale: int) -> "Metadata":
        """The metadata of the same picture with `scale` times as many rows and columns.

        The resolution rises with the size: a scan keeps its size on paper. 72 dpi stays, which is
        what cameras write, and what is assumed, if nobody knows. EXIF and XMP tell the new size;
        XMP's thumbnails are dropped, as those of EXIF always are.
        """
        is_known = any(not math.isclose(each, DPI_72, rel_tol=1e-3) for each in self.resolution)
        across, down = (each * scale if is_known else each for each in self.resolution)
        blocks = dict(self.blocks)
        if "exif-data" in blocks:  # whose resolution libvips takes, if it has one
            blocks["exif-data"] = tiff.enlarged(blocks["exif-data"], scale, is_finer=is_known)
        if "xmp-data" in blocks:
            blocks["xmp-data"] = _enlarged_xmp(blocks["xmp-data"], scale)
        return replace(self, blocks=blocks, resolution=(across, down))

    @property
    def has_exif_colour_space(self) -> bool:
        """Whether EXIF tells the colour space."""
        main = tiff.from_block(self.blocks.get("exif-data", b""))
        return tiff.EXIF_COLOUR_SPACE in main.children.get(tiff.EXPOSURE, tiff.Directory()).values


def gather(image: pyvips.Image, open_file: Callable[[], BufferedIOBase]) -> Metadata:
    """All metadata of `image`; `open_file` opens its file again."""
    fields = vips.fields(image)
    blocks = {name: bytes(image.get(name)) for name in BLOCKS if name in fields}
    if image.get("vips-loader").startswith("tiffload"):
        with open_file() as file:
            own = {"exif-data": tiff.read_exif(file), "iptc-data": tiff.read_iptc(file)}
        blocks |= {name: block for name, block in own.items() if block}
    blocks = _of_upright(blocks)
    texts = {
        name: text
        for name in fields
        if name.startswith(TEXTS) and (text := vips.text(image, name)) is not None
    }
    # loaders that find no resolution set 1 (TIFF, WebP, AVIF) or 72 dpi (JPEG, PNG)
    known = (image.xres, image.yres) != (1, 1)
    resolution = (image.xres, image.yres) if known else (DPI_72, DPI_72)
    if not image.get("vips-loader").startswith("jpegload"):
        return Metadata(blocks, texts, resolution)
    with open_file() as file:
        return Metadata(blocks, texts, resolution, jpeg.comments(file))


def of_blocks(blocks: dict[str, bytes]) -> Metadata:
    """Metadata of a picture that is upright by now, by the names in `BLOCKS`; no resolution."""
    return Metadata(_of_upright(blocks), {})


def _of_upright(blocks: dict[str, bytes]) -> dict[str, bytes]:
    """Blocks without what does not hold for the restored picture: thumbnail, orientation."""
    changed = dict(blocks)
    if "exif-data" in blocks:
        changed["exif-data"] = tiff.without_thumbnail(blocks["exif-data"])
    if "xmp-data" in blocks:
        changed["xmp-data"] = _upright(blocks["xmp-data"])
    return changed


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


def attach_comments(metadata: Metadata, path: Path) -> None:
    """Add the comments to a finished JPEG: libvips does not write them."""
    if metadata.comments:
        with path.open("r+b") as file:
            jpeg.add_comments(file, metadata.comments)


def drop_colour_space(path: Path, block: bytes) -> None:
    """Remove the colour space "uncalibrated" that libvips adds to EXIF which tells none.

    Args:
        path: a finished file, but no TIFF.
        block: its EXIF as libvips reads it.
    """
    written = block.removeprefix(tiff.HEADER)
    changed = tiff.without_exif_colour_space(written)
    if changed == written:
        return
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        place = content.find(written)
        if place < 0:
            return
        end = place + len(written)
        content[place:end] = changed
        if content[place - 4 : place] == PNG_EXIF:  # a checksum of name and content follows
            content[end : end + 4] = zlib.crc32(PNG_EXIF + changed).to_bytes(4, "big")


def lost(before: Metadata, after: Metadata) -> list[str]:
    """Common names of what is in `before` but not in `after`."""
    names = sorted(before.names - after.names)
    if "EXIF" in names and not tiff.tags(before.blocks["exif-data"]):
        names.remove("EXIF")  # it held size, orientation and resolution, which are kept elsewhere
    if "EXIF" in before.names & after.names:
        had, has = (tiff.tags(data.blocks["exif-data"]) for data in (before, after))
        names += [f"EXIF tag {tag}" for tag in sorted(had - has)]
    return names


def _upright(xmp: bytes) -> bytes:
    """Set the orientation that XMP may repeat from EXIF, as an attribute or as an element."""
    return re.sub(rb"(tiff:Orientation(?:=[\"']|>))[2-8]", rb"\g<1>1", xmp)


def _enlarged_xmp(xmp: bytes, scale: int) -> bytes:
    """XMP with sizes in pixels multiplied, and without thumbnails of the picture as it was."""

    def multiplied(found: re.Match[bytes]) -> bytes:
        return found[1] + str(int(found[2]) * scale).encode()

    xmp = re.sub(rb"<xmp:Thumbnails>.*?</xmp:Thumbnails>", b"", xmp, flags=re.DOTALL)
    return re.sub(XMP_SIZES, multiplied, xmp)


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
