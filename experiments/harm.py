"""Pictures without noise that a model must leave alone, and how far it is from doing so.

They are made here, by rule, and not by `training.samples.drawings`: what judges a model is not what
it has learnt from. Letters are a bitmap of five by seven, so that no font has to be there.
harmless.md, beside this file, has the bounds and the figures of the bundled models.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from mirnet import metrics
from mirnet.pictures import pixels
from mirnet.shapes import Pixels

Field = Float[np.ndarray, "h w"]
"""One number a pixel: a light, a coverage, a distance."""
Colour = tuple[float, float, float]
Named = dict[str, Pixels]

COLOURS: dict[str, Colour] = {
    "black": (0.0, 0.0, 0.0),
    "white": (1.0, 1.0, 1.0),
    "dark": (0.04, 0.04, 0.04),
    "grey": (0.5, 0.5, 0.5),
    "bright": (0.94, 0.94, 0.94),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "cyan": (0.0, 1.0, 1.0),
    "magenta": (1.0, 0.0, 1.0),
    "yellow": (1.0, 1.0, 0.0),
    "dark blue": (0.02, 0.03, 0.12),
    "skin": (0.88, 0.68, 0.56),
    "sky": (0.45, 0.66, 0.92),
}
BLACK, WHITE = COLOURS["black"], COLOURS["white"]

FONT = {
    "a": "2054545478", "e": "3854545418", "g": "0c5252523e", "o": "3844444438",
    "s": "4854545420", "A": "7e1111117e", "B": "7f49494936", "C": "3e41414122",
    "E": "7f49494941", "H": "7f0808087f", "I": "00417f4100", "K": "7f08142241",
    "M": "7f020c027f", "N": "7f0408107f", "O": "3e4141413e", "R": "7f09192946",
    "S": "4649494931", "T": "01017f0101", "V": "1f2040201f", "X": "6314081463",
    "Z": "6151494543", " ": "0000000000",
}  # fmt: skip
"""A byte for each of five columns, the lowest bit on top."""
TEXT = "NO HARM ea SogRX TEXT KaVs BOge MIZe "

GAMMA = 2.2
"""Of the tone curve, about."""
SHADOW = 10 / 255
"""The brightest of deep shadows."""


@dataclass(frozen=True)
class Harm:
    """What a model did to a picture; differences in levels of 255."""

    psnr: float
    """To itself, in dB; infinite where nothing changed."""
    largest: float
    """Of all differences, without sign."""
    shift: float
    """Of a channel's mean, the largest, without sign."""


def measure(restored: Pixels, picture: Pixels) -> Harm:
    """How the restored picture differs from the one that was given; both of one dtype."""
    after, before = (pixels.to_float(each).astype(np.float64) for each in (restored, picture))
    difference = 255 * (after - before)
    return Harm(
        metrics.psnr(after, before, data_range=1),
        float(abs(difference).max()),
        float(abs(difference.mean((0, 1))).max()),
    )


def drift(restored: Pixels, noisy: Pixels, colour: Colour) -> float:
    """Levels of 255 by which a channel's mean lies beyond what noise explains; the largest.

    Three means can be right for a noisy field of one colour. That of the numbers is what eyes see.
    That of the light is higher: a tone curve turns noise of a sensor, whose mean is nought, into
    noise with a mean below nought. And the colour itself is the truth where noise was clipped.
    Between the least and the largest of them, the drift is nought.
    """
    after, before = (pixels.to_float(each).astype(np.float64) for each in (restored, noisy))
    light = (before**GAMMA).mean((0, 1)) ** (1 / GAMMA)
    right = np.stack([np.asarray(colour, float), before.mean((0, 1)), light])
    mean = after.mean((0, 1))
    beyond = np.maximum(mean - right.max(0), right.min(0) - mean)
    return float(255 * beyond.max().clip(0))


def pictures(side: int) -> Named:
    """All by name, `side` pixels square, 64 at least; names begin with their kind."""
    kinds = (flats, gradients, highlights, patterns, texts, pages)
    return {name: picture for kind in kinds for name, picture in kind(side).items()}


def flats(side: int) -> Named:
    """Fields of one colour: greys, full colours, dark and bright ones."""
    field = np.ones((side, side))
    return {f"flat {name}": _eight(_mix(BLACK, each, field)) for name, each in COLOURS.items()}


def gradients(side: int) -> Named:
    """Smooth ones in 8 and 16 bits, grey, coloured and in deep shadow, in three directions."""
    across = np.broadcast_to(np.linspace(0, 1, side), (side, side))
    diagonal = (across + across.T) / 2
    smooth = {
        "grey across": _mix(BLACK, WHITE, across),
        "grey down": _mix(BLACK, WHITE, across.T),
        "gentle diagonal": _mix((0.4, 0.4, 0.4), (0.6, 0.6, 0.6), diagonal),
        "sky down": _mix((0.25, 0.45, 0.85), (0.8, 0.88, 0.95), across.T),
        "red to blue diagonal": _mix(COLOURS["red"], COLOURS["blue"], diagonal),
        "shadow across": _mix(BLACK, (SHADOW,) * 3, across),
    }
    return {f"gradient {name}, 8 bit": _eight(each) for name, each in smooth.items()} | {
        f"gradient {name}, 16 bit": np.rint(each * 65535).astype(np.uint16)
        for name, each in smooth.items()
    }


def highlights(side: int) -> Named:
    """Burnt discs with a soft rim, on a grey and on a coloured ground."""
    glow = np.clip(1.5 - _radius(side) / (side / 4), 0, 1)  # burnt inside an eighth of the side
    return {
        "highlight on grey": _eight(_mix((0.3, 0.3, 0.3), WHITE, glow)),
        "highlight on sunset": _eight(_mix((0.6, 0.25, 0.1), (1.0, 1.0, 0.9), glow)),
    }


def patterns(side: int) -> Named:
    """Checkerboards and gratings of 1 to 8 pixels, of high and low contrast; a zone plate."""
    rows, columns = np.mgrid[:side, :side]
    named = {}
    for contrast, dark, bright in (("", BLACK, WHITE), ("pale ", (0.45,) * 3, (0.55,) * 3)):
        for width in (1, 2, 4, 8):
            board = (rows // width + columns // width) % 2 * 1.0
            named[f"pattern {contrast}checks, {width} px"] = _mix(dark, bright, board)
        for width in (1, 2, 4):
            lines = columns // width % 2 * 1.0
            named[f"pattern {contrast}lines, {width} px"] = _mix(dark, bright, lines)
    # at radius r a wave has 2 · side / r pixels: two where r is the side, fewer in the last corner
    zones = 0.5 + 0.5 * np.cos(np.pi * (rows**2 + columns**2) / (2 * side))
    named["pattern zone plate"] = _mix(BLACK, WHITE, zones)
    return {name: _eight(each) for name, each in named.items()}


def texts(side: int) -> Named:
    """Writing from 7 to 26 pixels high, dark on light and light on dark, and in colour."""
    grounds = {
        "black on white": (WHITE, BLACK),
        "white on black": (BLACK, WHITE),
        "grey on paper": ((0.96, 0.94, 0.9), (0.35, 0.35, 0.35)),
        "yellow on blue": ((0.1, 0.15, 0.4), (1.0, 0.9, 0.2)),
    }
    return {
        f"text {name}, {7 * scale:.0f} px": _eight(_mix(ground, ink, _writing(side, side, scale)))
        for name, (ground, ink) in grounds.items()
        for scale in ((1.0, 1.6, 3.7) if "black" in name else (1.6,))
    }


def pages(side: int) -> Named:
    """What screens show, light and dark, and drawings with flat colours and outlines."""
    light = _screen(side, (0.97, 0.97, 0.98), (0.1, 0.1, 0.1), (0.2, 0.45, 0.85))
    dark = _screen(side, (0.12, 0.12, 0.14), (0.85, 0.85, 0.85), (0.9, 0.5, 0.1))
    named = {"page light": light, "page dark": dark, "page lines": _lines(side)}
    return {name: _eight(each) for name, each in named.items()} | {"page cartoon": _cartoon(side)}


def noisy_flat(
    colour: Colour, deviation: float, height: int, width: int, *, is_grey: bool
) -> UInt8[np.ndarray, "{height} {width} 3"]:
    """A field with white noise of a deviation in levels of 255, the same in all channels if grey.

    The same every time. Each channel's noise has a mean of nought before values are cut off at
    black and white; else chance alone would move the mean of 96 by 96 pixels by 0.4 levels where
    the deviation is 40, and no model could know.
    """
    rng = np.random.default_rng(round(deviation))
    noise = rng.normal(0, deviation / 255, (height, width, 1 if is_grey else 3))
    noise -= noise.mean((0, 1))
    return _eight(np.asarray(colour) + noise)


def _screen(side: int, ground: Colour, ink: Colour, accent: Colour) -> Float[np.ndarray, "s s 3"]:
    """A bar, a button with a rim, writing in two sizes, a line of one pixel, a swatch."""
    canvas = _mix(ground, ground, np.zeros((side, side)))
    bar, middle, edge = side // 8, side // 2, side // 16
    canvas[:bar] = accent
    canvas[bar + 4 : middle, edge:] = _mix(
        ground, ink, _writing(middle - bar - 4, side - edge, 1.0)
    )
    canvas[middle, edge:-edge] = ink
    canvas[middle + 4 : middle + 24, edge:middle] = ink
    canvas[middle + 5 : middle + 23, edge + 1 : middle - 1] = _mix(
        ground, accent, _writing(18, middle - edge - 2, 1.5)
    )
    canvas[middle + 4 : -edge, middle + edge : -edge] = accent
    canvas[-edge - 8 : -edge, edge:middle] = ink
    return canvas


def _lines(side: int) -> Float[np.ndarray, "s s 3"]:
    """Lines from half a pixel to four pixels wide, at several angles, on white."""
    rows, columns = np.mgrid[:side, :side] + 0.5
    ink = np.zeros((side, side))
    for number in range(9):
        angle = number * np.pi / 16
        distance = abs(np.cos(angle) * (columns - side / 16) - np.sin(angle) * rows)
        ink = np.maximum(ink, np.clip(0.25 + number / 4 - distance + 0.5, 0, 1))
    return _mix(WHITE, (0.1, 0.1, 0.3), ink)


def _cartoon(side: int) -> UInt8[np.ndarray, "s s 3"]:
    """A face: flat colours, black outlines, smooth edges."""
    rows, columns = (np.mgrid[:side, :side] + 0.5) / side
    canvas = _mix(COLOURS["sky"], COLOURS["sky"], np.zeros((side, side)))
    discs = (
        (0.5, 0.5, 0.38, (1.0, 0.8, 0.3)),
        (0.4, 0.36, 0.09, WHITE),
        (0.4, 0.64, 0.09, WHITE),
        (0.42, 0.37, 0.04, BLACK),
        (0.42, 0.63, 0.04, BLACK),
        (0.68, 0.5, 0.1, COLOURS["red"]),
    )
    for down, across, radius, fill in discs:
        distance = side * (np.hypot(rows - down, columns - across) - radius)
        canvas = _mix(canvas, fill, np.clip(0.5 - distance, 0, 1))
        canvas = _mix(canvas, BLACK, np.clip(1.5 - abs(distance), 0, 1))
    return _eight(canvas)


def _writing(height: int, width: int, scale: float) -> Field:
    """Coverage by lines of text, letters of 7 · scale pixels."""
    lines, letters = (int(side / scale) // cell + 1 for side, cell in ((height, 10), (width, 6)))
    places = 7 * np.arange(lines)[:, None] + np.arange(letters)
    cells = np.array([_glyph(letter) for letter in TEXT])[places % len(TEXT)]  # lines letters 10 6
    bitmap = cells.transpose(0, 2, 1, 3).reshape(10 * lines, 6 * letters)
    down = _overlaps(height, len(bitmap), scale)
    across = _overlaps(width, len(bitmap.T), scale)
    coverage: Field = down @ bitmap @ across.T
    return coverage


def _glyph(letter: str) -> Float[np.ndarray, "10 6"]:
    """With the gaps below and to the right."""
    columns = np.frombuffer(bytes.fromhex(FONT[letter]), np.uint8)
    bits = np.unpackbits(columns, bitorder="little").reshape(5, 8).T
    return np.pad(bits.astype(float), ((1, 1), (0, 1)))


def _overlaps(side: int, count: int, scale: float) -> Field:
    """How much of each pixel each cell covers, along one axis; cells are `scale` pixels long."""
    pixel = np.arange(side)[:, None]
    cell = scale * np.arange(count)
    overlap: Field = np.minimum(pixel + 1, cell + scale) - np.maximum(pixel, cell)
    return overlap.clip(0)


def _radius(side: int) -> Field:
    """Of each pixel, from the middle."""
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    radius: Field = np.hypot(rows, columns)
    return radius


def _mix(
    ground: Colour | Float[np.ndarray, "h w 3"], colour: Colour, share: Field
) -> Float[np.ndarray, "h w 3"]:
    below = np.asarray(ground, float)
    mixed: Float[np.ndarray, "h w 3"] = below + share[..., None] * (np.asarray(colour) - below)
    return mixed


def _eight(light: Float[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    rounded: UInt8[np.ndarray, "h w 3"] = np.rint(np.clip(light, 0, 1) * 255).astype(np.uint8)
    return rounded
