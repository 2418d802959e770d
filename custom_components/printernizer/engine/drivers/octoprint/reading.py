"""Reads single fields of untrusted JSON: what has the wrong type was not said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from ...names import without_tricks

if TYPE_CHECKING:
    from collections.abc import Mapping

type Json = Mapping[str, object]

LONGEST_TEXT: Final = 500
LONGEST_PATH: Final = 1024
_LARGEST: Final = 1e15


def obj(source: Json, key: str) -> Json:
    """Return an object field, empty where it is missing."""
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def objects(source: Json, key: str, most: int = 100_000) -> tuple[Json, ...]:
    """Return the objects of a list field, at most `most`."""
    value = source.get(key)
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value[:most] if isinstance(item, dict))


def text(source: Json, key: str, longest: int = LONGEST_TEXT) -> str | None:
    """Return a text field, printable and bounded; None where it is missing or empty."""
    value = source.get(key)
    if not isinstance(value, str):
        return None
    return without_tricks(value[:longest]).strip() or None


def number(source: Json, key: str) -> float | None:
    """Return a number; None for text, booleans, NaN and what no printer can mean."""
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and abs(value) < _LARGEST else None


def whole(source: Json, key: str) -> int | None:
    """Return a number without its fraction."""
    value = number(source, key)
    return None if value is None else int(value)


def flag(source: Json, key: str) -> bool:
    """Whether a field is true; missing is not."""
    return source.get(key) is True
