"""Numbers of documents: the owner's pattern, and nothing else than a year and a number in it."""

from __future__ import annotations

import string
from typing import Final

from .errors import NotAllowed

_LONGEST: Final = 40
_SPECS: Final = frozenset({"", "d", *(f"0{width}d" for width in range(1, 10))})
_ALLOWED: Final = frozenset(string.ascii_letters + string.digits + "-_/. ")


def document_number(pattern: str, year: int, number: int) -> str:
    """Return a number as "RE{year}-{number:04d}" says. Raises NotAllowed(key="bad_pattern")."""
    _check(pattern)
    return pattern.format(year=year, number=number)


def counts_by_year(pattern: str) -> bool:
    """Whether numbers begin anew each year: they may only where the year tells them apart."""
    return "{year" in pattern


def _check(pattern: str) -> None:
    # A format string can reach into what it formats, so only these two are let through.
    names: list[str] = []
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError as err:
        raise NotAllowed(f"the pattern cannot be read: {err}", key="bad_pattern") from None
    for literal, name, spec, conversion in parts:
        plain = set(literal) <= _ALLOWED
        if not plain or conversion or (name is not None and spec not in _SPECS):
            raise NotAllowed("letters, digits, - _ / . {year} {number:04d}", key="bad_pattern")
        if name is not None:
            names.append(name)
    if names.count("number") != 1 or set(names) - {"number", "year"} or len(pattern) > _LONGEST:
        reason = f"{{number}} once, {{year}} at will, at most {_LONGEST} characters"
        raise NotAllowed(reason, key="bad_pattern")
