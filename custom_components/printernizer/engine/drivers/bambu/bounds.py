"""How much of a printer's word is kept: no report grows without end.

What comes in is untrusted, and partial pushes add up. The limits lie many times above the largest
report seen (about 120 fields, 700 values, 8 levels), so nothing real is lost to them.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

KEYS: Final = 512
"""Most keys of one object."""
ITEMS: Final = 512
"""Most items of one list."""
DEPTH: Final = 16
"""Most levels of objects and lists in one another."""
LETTERS: Final = 4096
"""Longest text."""
VALUES: Final = 20_000
"""Most values in all; `_LINE` letters of text weigh as much as one value."""
_LINE: Final = 64


def trim(values: dict[str, Any]) -> bool:
    """Cut an object down to the limits, in place; whether something had to go.

    What came first stays: the first full report holds what the printer really has to say.
    """
    cut = _trim(values, 1)
    total = 0
    for key in list(values):
        total += _weight(key) + _weight(values[key])
        if total > VALUES:
            del values[key]
            cut = True
    return cut


def _trim(value: dict[str, Any], depth: int) -> bool:
    surplus = [key for key in value if len(key) > LETTERS]
    surplus += list(islice(value, KEYS, None))
    for key in surplus:
        value.pop(key, None)
    cut = bool(surplus)
    for key, item in value.items():
        value[key] = kept = _trimmed(item, depth)
        cut |= kept is not item
    return cut


def _trimmed(item: Any, depth: int) -> Any:
    """Return what is kept of an item: the very same one where nothing had to go."""
    if isinstance(item, str):
        return item if len(item) <= LETTERS else item[:LETTERS]
    if not isinstance(item, (dict, list)):
        return item
    if depth >= DEPTH:
        return None
    if isinstance(item, dict):
        return dict(item) if _trim(item, depth + 1) else item
    kept = [_trimmed(part, depth + 1) for part in item[:ITEMS]]
    same = len(kept) == len(item) and all(a is b for a, b in zip(kept, item, strict=True))
    return item if same else kept


def _weight(value: object) -> int:
    if isinstance(value, str):
        return 1 + len(value) // _LINE
    if isinstance(value, dict):
        return sum(map(_weight, value)) + sum(map(_weight, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_weight, value))
    return 1
