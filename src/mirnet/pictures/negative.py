"""RAW files as they become DNG: the sensor's linear colours, and what editors need to develop them.

LibRaw subtracts black and demosaics; nothing is baked in: no white balance, colour matrix, tone
curve or crop, and nothing is clipped that the sensor did not clip. For the network, colours are
balanced and encoded with a curve, and `Negative.decode` undoes both exactly. `mirnet.pictures.dng`
writes the result.

Follows Adobe's Digital Negative Specification 1.7.1 (2023), chapters 4 and 6.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32, Float64, UInt16

from mirnet.errors import ImageError
from mirnet.pictures import raw, tiff
from mirnet.pictures.metadata import Metadata
from mirnet.pictures.source import File, Source
from mirnet.pictures.vips import as_image_error
from mirnet.shapes import Image

WHITE = 65535
"""Value of white in the file that is written."""

ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}
"""EXIF's orientation by LibRaw's flip."""

DNG_VERSION, MODEL, NEUTRAL, NEUTRAL_XY = 50706, 50708, 50728, 50729
MATRIX, ILLUMINANT, KIND, SUB_DIRECTORIES, CROP = 50721, 50778, 254, 330, (50719, 50720)
OPCODES_BEFORE, OPCODES_AFTER = {51008, 51009}, 51022
"""Tags; opcodes are corrections, before and after demosaicing."""

FULL = 0
"""Kind of the directory that holds the full picture."""

D65 = 21
"""The light that LibRaw's matrices are for, as EXIF numbers it."""

KEPT = {
    *(50708, 50709),  # names of the camera
    *(50721, 50722, 50778, 50779, 50964, 50965, 50723, 50724, 50727),  # colours
    *(50728, 50729, 50730, 50731, 50732, 50734, 51109, 51110),  # white balance, exposure
    *(50735, 50736, 50739),  # serial number, lens, shadows
    *(50931, 50932, 50936, 50937, 50938, 50939, 50940, 50941, 50942, 50981, 50982, 51107, 51108),
}
"""Tags of a DNG's first directory that hold for its restored pixels, too: all that decides how it
is developed. Left out are digests, private data and the profile of the noise."""

SRGB_FROM_XYZ = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)
"""IEC 61966-2-1."""

Multipliers = Float64[np.ndarray, "3"]
Matrix = Float64[np.ndarray, "3 3"]
Linear = Float32[np.ndarray, "h w 3"]
Stored = UInt16[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Curve:
    """A tone curve for the network, and its inverse."""

    name: str
    encode: Callable[[Linear], Image]
    decode: Callable[[Image], Linear]


def _encode_srgb(linear: Linear) -> Image:
    light = np.fmax(linear, np.float32(0))
    steep = 1.055 * np.maximum(light, np.float32(0.0031308)) ** np.float32(1 / 2.4) - 0.055
    encoded: Image = np.where(light <= 0.0031308, 12.92 * light, steep)
    return encoded


def _decode_srgb(encoded: Image) -> Linear:
    shown = np.fmax(encoded, np.float32(0))
    steep = ((np.maximum(shown, np.float32(0.04045)) + 0.055) / 1.055) ** np.float32(2.4)
    linear: Linear = np.where(shown <= 0.04045, shown / 12.92, steep)
    return linear


SRGB = Curve("sRGB", _encode_srgb, _decode_srgb)
"""IEC 61966-2-1, not clipped at white. It clips noise below black, as in the pictures that the
network was trained on: kept, that noise passes the network, and costs up to 4.8 dB. A square root
is as good: `experiments/raw_curves.py`, docs/raw.md."""


@dataclass(frozen=True)
class Negative:
    """What a DNG needs besides the pixels, and how the network sees them."""

    black: float
    """Value of black in what LibRaw developed, 0..65535, before balancing. Above 0, so that
    demosaicing sees noise around black as it is; clipped before, it would brighten the shadows
    twice as much."""
    multipliers: Multipliers
    """White balance of the camera for the network's eyes, green 1."""
    orientation: int
    """How the picture is to be turned, as EXIF says it."""
    tags: dict[int, tuple[int, bytes]]
    """Tags for the first directory: type and little-endian bytes."""
    raw_tags: dict[int, tuple[int, bytes]]
    """The same for the directory of the pixels."""
    to_srgb: Matrix
    """From balanced colours of the camera to linear sRGB, for the preview."""
    curve: Curve = field(default=SRGB)

    def encode(self, developed: Stored) -> Image:
        """What LibRaw developed as the network sees it: balanced, encoded, white of green as 1."""
        light = developed * np.float32(self.multipliers.max())
        light -= (self.black * self.multipliers).astype(np.float32)
        light /= np.float32(WHITE - self.black)
        return self.curve.encode(light)

    def decode(self, encoded: Image) -> Stored:
        """The inverse, h w 3: values of the file, from black as 0 to white as 65535, rounded.

        Black is 0, since LibRaw would take a level above it for a lower white, too.
        """
        values = self.curve.decode(encoded) * (WHITE / self.multipliers).astype(np.float32)
        # unlike clip, fmax returns the number if the other operand is NaN
        np.fmin(np.fmax(values, np.float32(0), out=values), np.float32(WHITE), out=values)
        stored: Stored = np.rint(values).astype(np.uint16)
        return stored


def open_negative(file: File, *, curve: Curve = SRGB) -> Source:
    """The sensor's picture, demosaiced, encoded for the network; as the sensor lies.

    Raises:
        ImageError: if it is not RAW, rawpy is missing, the file is damaged, or its sensor does not
            see red, green and blue.
    """
    if file.suffix not in raw.SUFFIXES:
        raise ImageError(
            f"{file.name} is not a RAW file, and only those become DNG: choose another format"
        )
    rawpy = raw.module(file)
    if importlib.util.find_spec("tifffile") is None:  # better now than once it is restored
        raise ImageError(f'writing DNG takes tifffile: pip install "mirnet[raw]" ({file.name})')
    with as_image_error(file.name, "cannot be read"), file.open() as opened:
        exif = tiff.read_exif(opened)
        opened.seek(0)
        main = tiff.read_directory(opened)
        opened.seek(0)
        with raw.opened(rawpy, file, opened) as sensor:
            _refuse(file, sensor)
            pixels, negative, notes = _develop(rawpy, sensor, main, opened, curve)
    blocks = {"exif-data": exif} if exif else {}
    if not exif:
        notes = (*notes, "EXIF was not found in the RAW file")
    return Source(
        name=file.name,
        height=pixels.shape[0],
        width=pixels.shape[1],
        dtype=np.dtype(np.float32),
        channels=3,
        metadata=Metadata(blocks, {}),
        rows=lambda top, count: negative.encode(pixels[top : top + count]),
        notes=notes,
        negative=negative,
    )


def _refuse(file: File, sensor: Any) -> None:  # noqa: ANN401 - untyped
    if sensor.num_colors != 3:
        kind = "no colours" if sensor.num_colors == 1 else f"{sensor.num_colors} colours"
        raise ImageError(
            f"{file.name}: its sensor sees {kind}, and only red, green and blue become DNG: "
            "choose another format, such as tiff"
        )


def _develop(
    rawpy: Any,  # noqa: ANN401 - untyped
    sensor: Any,  # noqa: ANN401
    main: tiff.Directory,
    opened: BufferedIOBase,
    curve: Curve,
) -> tuple[Stored, Negative, tuple[str, ...]]:
    notes: list[str] = []
    multipliers = _multipliers(sensor, notes)
    black, white = max(sensor.black_level_per_channel), int(sensor.white_level)
    flip = sensor.sizes.flip  # developing resets it
    # LibRaw would clip noise below black: lift the sensor's values by what it will subtract
    lift = max(0, min(black, WHITE - white))
    if lift:
        values = sensor.raw_image
        np.add(np.minimum(values, WHITE - lift), lift, out=values, dtype=values.dtype)
    pixels: npt.NDArray[np.uint16] = sensor.postprocess(
        # demosaicing wants balanced colours. With the mode Ignore, LibRaw scales the largest
        # multiplier to 1, and no channel is clipped that the sensor did not clip
        user_wb=[*multipliers, multipliers[1]],
        highlight_mode=rawpy.HighlightMode.Ignore,
        output_color=rawpy.ColorSpace.raw,
        output_bps=16,
        gamma=(1, 1),
        no_auto_bright=True,
        adjust_maximum_thr=0,
        user_sat=white + lift - black,  # what is white once LibRaw has subtracted black
        user_flip=0,
    )
    tags, to_srgb = _colours(sensor, main, multipliers, notes)
    raw_tags = _geometry(main, opened, pixels.shape[:2], notes)
    negative = Negative(
        black=WHITE * lift / (white + lift - black),
        multipliers=multipliers,
        orientation=ORIENTATIONS.get(flip, 1),
        tags=tags,
        raw_tags=raw_tags,
        to_srgb=to_srgb,
        curve=curve,
    )
    return pixels, negative, tuple(notes)


def _multipliers(sensor: Any, notes: list[str]) -> Multipliers:  # noqa: ANN401 - untyped
    """White balance with green 1: the camera's, else that of daylight, else none."""
    for wanted in (sensor.camera_whitebalance, sensor.daylight_whitebalance):
        balance = np.array(wanted[:3], np.float64)
        if np.isfinite(balance).all() and (balance > 0).all():
            multipliers: Multipliers = balance / balance[1]
            return multipliers
        if not notes:
            notes.append("the camera's white balance is not known, that of daylight is used")
    return np.ones(3)


def _colours(
    sensor: Any,  # noqa: ANN401 - untyped
    main: tiff.Directory,
    multipliers: Multipliers,
    notes: list[str],
) -> tuple[dict[int, tuple[int, bytes]], Matrix]:
    """The tags that say how the camera's colours look, and the matrix for the preview."""
    if DNG_VERSION in main.values:
        tags = {tag: value for tag, value in main.values.items() if tag in KEPT}
    else:
        tags = {MODEL: (2, _model(main))}
    to_srgb: Matrix = np.array(sensor.color_matrix, np.float64)[:, :3]
    if not to_srgb.any():
        to_srgb = np.eye(3)
        if MATRIX not in tags:
            notes.append("the camera's colours are not known, those of sRGB are assumed")
    if MATRIX not in tags:
        from_xyz = np.array(sensor.rgb_xyz_matrix, np.float64)[:3]
        if not from_xyz.any():  # the camera wrote a matrix of its own, for balanced colours
            from_xyz = np.linalg.inv(to_srgb) @ SRGB_FROM_XYZ / multipliers[:, None]
        tags[MATRIX] = tiff.rationals(from_xyz.ravel(), 10_000, is_signed=True)
        tags[ILLUMINANT] = (3, D65.to_bytes(2, "little"))
    if not tags.keys() & {NEUTRAL, NEUTRAL_XY}:
        tags[NEUTRAL] = tiff.rationals(1 / multipliers, 1_000_000)
    return tags, to_srgb


def _geometry(
    main: tiff.Directory, opened: BufferedIOBase, shape: tuple[int, int], notes: list[str]
) -> dict[int, tuple[int, bytes]]:
    """Tags of a DNG's pixels that hold for its restored pixels, too: crop and lens corrections."""
    if DNG_VERSION not in main.values:
        return {}
    values = _pixels_of(main, opened).values
    if values.keys() & OPCODES_BEFORE:
        notes.append("corrections of lens shading or pixels that the DNG asks for are not applied")
    kept = {tag: values[tag] for tag in (*CROP, OPCODES_AFTER) if tag in values}
    if CROP[0] in kept and CROP[1] in kept:
        left, top = _fractions(*kept[CROP[0]])
        width, height = _fractions(*kept[CROP[1]])
        if left + width <= shape[1] and top + height <= shape[0]:
            return kept
    return {tag: value for tag, value in kept.items() if tag not in CROP}


def _pixels_of(main: tiff.Directory, opened: BufferedIOBase) -> tiff.Directory:
    """The directory of the full picture: the first one, or one that it points to."""
    for start in tiff.numbers(*main.values.get(SUB_DIRECTORIES, (0, b""))):
        found = tiff.read_directory(opened, int(start))
        kind = tiff.numbers(*found.values.get(KIND, (0, b"")))
        if len(kind) and kind[0] == FULL:
            return found
    return main


def _fractions(kind: int, value: bytes) -> list[float]:
    """Numbers of a tag that holds integers or fractions."""
    if kind == tiff.RATIONAL:
        pairs = np.frombuffer(value, "<u4").reshape(-1, 2)
        return [float(above / max(below, 1)) for above, below in pairs]
    return [float(number) for number in tiff.numbers(kind, value)]


def _model(main: tiff.Directory) -> bytes:
    """A name of the camera that no other one has: its maker and model, each once."""
    maker, model = (
        main.values.get(tag, (2, b""))[1].partition(b"\0")[0].strip() for tag in (271, 272)
    )
    first = maker.split(b" ")[0]
    named = model if model.lower().startswith(first.lower()) else b" ".join((first, model))
    return (named.strip() or b"Unknown") + b"\0"
