"""Strict parsing of TOML into frozen dataclasses: no unknown keys, no values of another type.

The error for an unknown key names the closest known one. Values can be overridden with
`section.key=value`, with the value in TOML syntax.
"""

import dataclasses
import difflib
import tomllib
from dataclasses import MISSING
from types import UnionType
from typing import Any, get_args, get_origin

from mirnet.errors import RecipeError


def override(table: dict[str, Any], text: str) -> None:
    """Change a value of a table, given as `section.key=value`.

    Raises:
        RecipeError: if it is not written so.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise RecipeError(f"{text!r} is not KEY=VALUE, such as optim.lr=1e-4")
    *sections, last = key.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise RecipeError(f"{key}: {section} is not a section")
    table[last] = _toml_value(value.strip())


def _toml_value(text: str) -> Any:  # noqa: ANN401 - a TOML value of any type
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # an unquoted word, as typed in a shell
    except RecursionError:
        raise RecipeError(f"{text[:20]}...: lists are nested too deeply") from None


def build(kind: Any, value: Any, where: str, base: Any = None) -> Any:  # noqa: ANN401 - any kind
    """Convert `value`, read from TOML, to an instance of the annotation `kind`.

    Args:
        kind: a dataclass, a tuple (of one type, or of a fixed number of values), a plain type, a
            type of text that validates itself, or one of these or None.
        value: the parsed TOML value.
        where: its position, for messages.
        base: for a dataclass, the instance with the values not given; None for its defaults.

    Raises:
        RecipeError: if they do not fit.
    """
    if isinstance(kind, UnionType):  # a type or None, which TOML cannot express
        kind = get_args(kind)[0]
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, value, where, base)
    if get_origin(kind) is tuple:
        return _build_tuple(get_args(kind), value, where)
    if kind is float and type(value) is int:
        return float(value)
    if issubclass(kind, str) and kind is not str:
        return _checked(kind, value, where)
    if type(value) is not kind:
        raise RecipeError(f"{where}: expected {kind.__name__}, got {value!r}")
    return value


def _build_tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:  # noqa: ANN401
    if not isinstance(value, list) or not value:
        raise RecipeError(f"{where}: expected a non-empty list, got {value!r}")
    if kinds[-1] is ...:
        kinds = kinds[:1] * len(value)
    if len(value) != len(kinds):
        raise RecipeError(f"{where}: expected a list of {len(kinds)}, got {value!r}")
    both = enumerate(zip(kinds, value, strict=True))
    return tuple(build(kind, x, f"{where}[{k}]") for k, (kind, x) in both)


def _checked(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    try:
        return kind(value)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None


def _build_dataclass(kind: Any, value: Any, where: str, base: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        raise RecipeError(f"{where}: expected a section, got {value!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in [key for key in value if key not in fields]:
        near = difflib.get_close_matches(key, fields, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(fields)}"
        raise RecipeError(f"{where}: unknown key {key!r}; {hint}")
    present = {
        name: _default(field) if base is None else getattr(base, name)
        for name, field in fields.items()
    }
    missing = [name for name in fields if name not in value and present[name] is MISSING]
    if missing:
        raise RecipeError(f"{where}: {', '.join(missing)} must be given")
    parts = {
        key: build(fields[key].type, x, f"{where}: {key}", _section(present[key]))
        for key, x in value.items()
    }
    try:
        return kind(**present | parts)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None


def _default(field: "dataclasses.Field[Any]") -> Any:  # noqa: ANN401
    factory = field.default_factory
    return field.default if factory is MISSING else factory()


def _section(value: object) -> object | None:
    """The initial value of a section, if it already has one."""
    return value if dataclasses.is_dataclass(value) else None
