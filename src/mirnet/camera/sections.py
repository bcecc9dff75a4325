"""Validation shared by the sections of a recipe: ranges, and one-line errors for invalid values.

No torch: recipes are checked before it is imported.
"""

import math
from collections.abc import Sequence

from mirnet.errors import RecipeError

Range = tuple[float, float]
"""The lowest and the highest value drawn."""


def expect(section: object, key: str, is_met: bool, what: str) -> None:
    """Raise unless the value of a field is acceptable.

    Args:
        section: the dataclass that holds it.
        key: the field's name.
        is_met: whether the value is acceptable.
        what: what was expected, in words.

    Raises:
        RecipeError: if it is not.
    """
    if not is_met:
        raise RecipeError(f"{key} is {_as_written(getattr(section, key))}: expected {what}")


def expect_shares(section: object, *keys: str) -> None:
    """Refuse fields that are not between 0 and 1.

    Raises:
        RecipeError: if one is not.
    """
    for key in keys:
        expect(section, key, 0 <= getattr(section, key) <= 1, "0 to 1")


def expect_ranges(
    section: object, *keys: str, least: float = 0.0, above: bool = False, most: float = math.inf
) -> None:
    """Refuse ranges that are out of order or out of bounds.

    Args:
        section: the dataclass that holds them.
        keys: names of fields with two numbers.
        least: the lowest value allowed.
        above: whether values must be greater than `least`.
        most: the highest value allowed.

    Raises:
        RecipeError: if one is so.
    """
    bounds = f"{'above' if above else 'from'} {least:g}"
    bounds += f" to {most:g}" if most < math.inf else ""
    for key in keys:
        low, high = getattr(section, key)
        starts = low > least if above else low >= least
        is_met = starts and low <= high <= most and high < math.inf
        expect(section, key, is_met, f"[lowest, highest], {bounds}")


def expect_whole(section: object, *keys: str) -> None:
    """Refuse shares that do not sum to 1.

    Raises:
        RecipeError: if they do not, or one is not 0 to 1.
    """
    expect_shares(section, *keys)
    total = sum(getattr(section, key) for key in keys)
    if not math.isclose(total, 1, abs_tol=1e-9):
        raise RecipeError(f"{', '.join(keys)} sum to {total:g}: expected 1")


def expect_names(section: object, key: str, known: Sequence[str]) -> None:
    """Refuse a field of names that contains an unknown one, or none.

    Raises:
        RecipeError: if it does.
    """
    names = getattr(section, key)
    is_met = bool(names) and set(names) <= set(known)
    expect(section, key, is_met, f"some of {', '.join(known)}")


def _as_written(value: object) -> str:
    """The value in TOML syntax: lists in square brackets."""
    return str(list(value)) if isinstance(value, tuple) else repr(value)
