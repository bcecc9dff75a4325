"""Scenes as numbers: shares that sum up, ranges in order."""

import pytest

from mirnet.camera.scenes import (
    ByKind,
    Colours,
    DrawingKinds,
    Drawings,
    Fields,
    Kind,
    PatternKinds,
    Scenes,
)
from mirnet.errors import RecipeError


def test_shares_are_asked_for_by_kind():
    shares = ByKind(photograph=0.1, drawing=0.2, field=0.3)

    assert {kind: shares[kind] for kind in Kind} == dict(zip(Kind, (0.1, 0.2, 0.3), strict=True))


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        (
            ByKind,
            {"photograph": 0.0, "drawing": 2.0, "field": 0.0},
            "drawing is 2.0: expected 0 to 1",
        ),
        (Scenes, {"flat_share": 0.5, "burnt_share": 0.6}, "sum to more than 1"),
        (Scenes, {"enlarged_from": (0.0, 1.0)}, "enlarged_from is [0.0, 1.0]: expected"),
        (Scenes, {"burnt": (0.5, 1.0)}, "burnt is [0.5, 1.0]"),
        (Scenes, {"dark": (0.1, 2.0)}, "dark is [0.1, 2.0]"),
        (DrawingKinds, {"text": 0.5}, "gradient, pattern, text, page, drawing sum to 1.31"),
        (PatternKinds, {"stripes": -0.25, "waves": 0.65}, "stripes is -0.25"),
        (Colours, {"grey_share": 0.9, "full_share": 0.2}, "sum to more than 1"),
        (Colours, {"powers": (3.0, 0.3)}, "powers is [3.0, 0.3]"),
        (Fields, {"dark": (0.0, 1.5)}, "dark is [0.0, 1.5]"),
        (Drawings, {"widths": ((1, 0.5),)}, "shares that sum to 1"),
        (Drawings, {"widths": ((0, 1.0),)}, "[pixels, share]"),
        (Drawings, {"faintest": 0.0}, "faintest is 0.0"),
        (Drawings, {"softest": 0.3}, "softest is 0.3: expected 0 to 0.25"),
        (Drawings, {"points": 1}, "points is 1: expected 2 or more"),
        (Drawings, {"dim_share": 1.1}, "dim_share is 1.1"),
    ],
)
def test_what_makes_no_sense_is_refused(section, values, message):
    with pytest.raises(RecipeError) as caught:
        section(**values)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_are_those_of_what_is_drawn():
    from dataclasses import asdict

    from mirnet.training.samples import drawings

    assert list(asdict(DrawingKinds())) == list(drawings.KINDS)
    assert list(asdict(PatternKinds())) == list(drawings.PATTERNS)
