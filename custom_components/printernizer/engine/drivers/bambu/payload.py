"""Bytes of a report into JSON, and JSON values into numbers we can trust.

Printers send numbers as text, text as numbers, hexadecimal words and, on some firmware, bytes
that are not UTF-8. Every reader here gives None for what it cannot make sense of.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ...names import without_tricks

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT: Final = 1 << 20
"""Longest report we read, bytes. The longest seen is about 32 KB."""
_TEXT_LIMIT: Final = 512
_NUMBER_LIMIT: Final = 32
_WORD: Final = 0xFFFF


def _best_loads() -> Callable[[bytes | str], Any]:
    """Prefer orjson (it comes with Home Assistant): two to three times faster on full reports."""
    try:
        import orjson
    except ImportError:
        return json.loads
    return orjson.loads


_loads: Final = _best_loads()


def decode(payload: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a message, or None where there is none to be had."""
    if len(payload) > LIMIT:
        return None
    try:
        value = _loads(payload)
    except ValueError, RecursionError:
        value = _repaired(payload)
    return value if isinstance(value, dict) else None


def _repaired(payload: bytes) -> Any:
    text = payload.decode("utf-8", "replace").replace("\0", "").strip()
    try:
        return _loads(text)
    except ValueError, RecursionError:
        return None


def mapping(value: object) -> dict[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: object) -> float | None:
    """Return a finite number, given as such or as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and len(value) > _NUMBER_LIMIT:
        return None
    try:
        result = float(value)
    except ValueError, OverflowError:
        return None
    return result if abs(result) < 1e15 else None


def whole(value: object) -> int | None:
    """Return a whole number, given as such or as decimal text."""
    if type(value) is int:
        return value if abs(value) < 1 << 64 else None
    result = number(value)
    return None if result is None else int(result)


def bits(value: object) -> int | None:
    """Return a bit field: hexadecimal text, or a number that may be negative (32 bits)."""
    if isinstance(value, str):
        if not value or len(value) > _NUMBER_LIMIT:
            return None
        try:
            return int(value, 16)
        except ValueError:
            return None
    result = whole(value)
    return None if result is None else result & 0xFFFFFFFF


def text(value: object) -> str | None:
    """Return text that says something, cut to a bearable length and without control characters."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    result = str(value)[:_TEXT_LIMIT].strip()
    if not result.isprintable():  # nearly all are, and that is quick to tell
        result = without_tricks(result).strip()
    return result or None


def state_word(value: object) -> str | None:
    """Return the word for the state in capitals; "" only where the printer says just that.

    None where it says nothing: a word that is missing is no word for idle.
    """
    if not isinstance(value, str):
        return None
    word = (text(value) or "").upper()
    return word if word or not value else None


def packed(value: object) -> tuple[float, float] | None:
    """Return (actual, target) of a packed temperature: low and high 16 bits."""
    result = whole(value)
    if result is None or result < 0:
        return None
    return float(result & _WORD), float(result >> 16 & _WORD)
