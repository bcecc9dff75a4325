"""Clean scenes, as frozen sections of a recipe: plain numbers, no torch.

These set how often things occur and in what light; the drawing itself is code (`drawings`).
"""

import math
from dataclasses import asdict, dataclass
from enum import IntEnum

from mirnet.camera.sections import Range, expect, expect_ranges, expect_shares, expect_whole
from mirnet.errors import RecipeError


class Kind(IntEnum):
    """Kind of a clean scene, which determines how often its noise is white, and how strong."""

    PHOTOGRAPH = 0
    DRAWING = 1
    FIELD = 2
    """A field of one colour."""


@dataclass(frozen=True, kw_only=True)
class ByKind:
    """A share, 0 to 1, for the scenes of each `Kind`."""

    photograph: float
    drawing: float
    field: float

    def __post_init__(self) -> None:
        expect_shares(self, "photograph", "drawing", "field")

    def __getitem__(self, kind: Kind) -> float:
        """The share of a kind."""
        return self.in_order[kind]

    @property
    def in_order(self) -> tuple[float, float, float]:
        """The shares, in the order of `Kind`."""
        return self.photograph, self.drawing, self.field


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """How patches are cut from photographs, and which scenes get no noise."""

    identity_share: ByKind = ByKind(photograph=0.06, drawing=0.5, field=0.2)
    """Fraction that gets no noise, so that the network learns to leave clean pictures unchanged.
    Drawn content seldom comes from a camera."""
    enlarged_share: float = 0.15
    """Fraction of the photographs that are enlarged first."""
    enlarged_from: Range = (0.5, 1.0)
    """Side of the area to enlarge, relative to the patch's."""
    flat_share: float = 0.04
    """Fraction of the photographs' patches replaced by a single colour. This and the next two teach
    the network to do no harm in cases that are rare in photographs."""
    burnt_share: float = 0.04
    """Fraction with burnt-out highlights."""
    burnt: Range = (1.2, 3.0)
    """Factor by which these are brightened, before clipping."""
    dark_share: float = 0.03
    """Fraction that is nearly black."""
    dark: Range = (0.02, 0.25)
    """Factor by which these are dimmed."""

    def __post_init__(self) -> None:
        expect_shares(self, "enlarged_share", "flat_share", "burnt_share", "dark_share")
        expect_ranges(self, "enlarged_from", above=True, most=1.0)
        expect_ranges(self, "burnt", least=1.0)
        expect_ranges(self, "dark", most=1.0)
        if self.flat_share + self.burnt_share + self.dark_share > 1:
            raise RecipeError("flat_share, burnt_share and dark_share sum to more than 1")


@dataclass(frozen=True, kw_only=True)
class DrawingKinds:
    """Shares of the kinds of drawings, which sum to 1.

    Patterns and text are the hardest to tell from noise, and residual noise is most visible in
    smooth fields.
    """

    gradient: float = 0.32
    pattern: float = 0.28
    text: float = 0.19
    page: float = 0.12
    drawing: float = 0.09

    def __post_init__(self) -> None:
        expect_whole(self, *asdict(self))


@dataclass(frozen=True, kw_only=True)
class PatternKinds:
    """Shares of the kinds of patterns, which sum to 1."""

    checkerboard: float = 0.4
    stripes: float = 0.25
    waves: float = 0.15
    zone_plate: float = 0.2

    def __post_init__(self) -> None:
        expect_whole(self, *asdict(self))


@dataclass(frozen=True, kw_only=True)
class Colours:
    """Colours of drawings."""

    plain_share: float = 0.4
    """Fraction of the colour pairs that are black and white."""
    grey_share: float = 0.35
    """Fraction of the other colours that are grey."""
    full_share: float = 0.15
    """Fraction of the other colours with each channel at 0 or 1; the rest are random."""
    powers: Range = (0.3, 3.0)
    """Range of the exponents of random colours: mostly bright below 1, mostly dark above."""

    def __post_init__(self) -> None:
        expect_shares(self, "plain_share", "grey_share", "full_share")
        expect_ranges(self, "powers")
        if self.grey_share + self.full_share > 1:
            raise RecipeError("grey_share and full_share sum to more than 1")


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Fields of one colour: values before the camera dims some of them."""

    dark_share: float = 0.75
    """Fraction that is dark: there noise is clipped at black, so that its mean is not zero."""
    dark: Range = (0.02, 0.4)
    """Range of the dark values. Black itself is excluded: in doubt a network should keep shadows
    open."""
    grey_share: float = 0.5
    """Fraction of the dark fields that are grey."""

    def __post_init__(self) -> None:
        expect_shares(self, "dark_share", "grey_share")
        expect_ranges(self, "dark", most=1.0)


@dataclass(frozen=True, kw_only=True)
class Drawings:
    """Clean patches that are drawn, and their light."""

    kinds: DrawingKinds = DrawingKinds()
    patterns: PatternKinds = PatternKinds()
    colours: Colours = Colours()
    fields: Fields = Fields()
    widths: tuple[tuple[int, float], ...] = (
        (1, 0.3), (2, 0.25), (3, 0.12), (4, 0.2), (6, 0.06), (8, 0.04), (12, 0.03),
    )  # fmt: skip
    """Periods of axis-aligned stripes and squares: [pixels, share] each, with shares that sum to 1.
    Fine periods are the hardest."""
    upright_share: float = 0.7
    """Fraction of the stripes, waves and checkerboards that are axis-aligned, not rotated."""
    faintest: float = 0.05
    """Minimum contrast of gradients and patterns, as a fraction of their colours' contrast."""
    pale_share: float = 0.5
    """Fraction of the patterns that have less than full contrast."""
    dim_share: float = 0.4
    """Fraction that lies in deep shadow, where eight bits have few levels to lose."""
    dimming: Range = (0.03, 0.3)
    """Factor by which these are dimmed."""
    raised_share: float = 0.7
    """Fraction of the dimmed ones whose black is raised: if most of them were black, a network
    would take dark grey with noise clipped at black for black."""
    highest_black: float = 0.2
    """Maximum value of raised black."""
    soft_share: float = 0.25
    """Fraction that is slightly out of focus."""
    softest: float = 0.25
    """Maximum share that a pixel takes from each of two neighbours, vertically and horizontally."""
    eight_bit_share: float = 0.5
    """Fraction that is rounded to 8 bits, as in files; the others are as smooth as 16 bits."""
    bitmap_share: float = 0.4
    """Fraction of the alphabets whose pixels are all ink or all ground, without anti-aliasing."""
    glyphs: int = 12
    """Number of glyphs in an alphabet."""
    points: int = 5
    """Number of points of a glyph's line."""
    blanks: int = 3
    """Number of spaces in an alphabet, in addition to the glyphs."""

    def __post_init__(self) -> None:
        expect_shares(
            self, "upright_share", "pale_share", "dim_share", "raised_share", "highest_black",
            "soft_share", "eight_bit_share", "bitmap_share",
        )  # fmt: skip
        expect_ranges(self, "dimming", most=1.0)
        expect(self, "faintest", 0 < self.faintest <= 1, "more than 0, to 1")
        expect(self, "softest", 0 <= self.softest <= 0.25, "0 to 0.25")
        for key, least in (("glyphs", 1), ("points", 2), ("blanks", 0)):
            expect(self, key, getattr(self, key) >= least, f"{least} or more")
        expect(self, "widths", all(w >= 1 and s >= 0 for w, s in self.widths), "[pixels, share]")
        is_whole = math.isclose(sum(share for _, share in self.widths), 1, abs_tol=1e-9)
        expect(self, "widths", is_whole, "shares that sum to 1")
