"""A status seen through glass that remembers what was looked at.

Of fifty entities of a printer three change at a time. What an entity shows is a pure function of
the fields it looked at last, so one whose fields are all as they were need not look again.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, cast

from .engine.printer import PrinterStatus

if TYPE_CHECKING:
    from collections.abc import Callable

_FIELDS: Final = tuple(field.name for field in fields(PrinterStatus))
_DERIVED: Final[dict[str, Callable[[Any], object]]] = {
    name: member.fget
    for name, member in vars(PrinterStatus).items()
    if isinstance(member, property) and member.fget is not None
}
"""Properties are worked out on the glass, so that the fields they look at count too."""


class Glass:
    """Stands in for a `PrinterStatus` and writes down which of its fields are read."""

    __slots__ = ("_status", "looked_at")

    def __init__(self, status: PrinterStatus) -> None:
        self._status = status
        self.looked_at: set[str] = set()

    def __getattr__(self, name: str) -> object:
        if (derived := _DERIVED.get(name)) is not None:
            return derived(self)
        self.looked_at.add(name)
        return getattr(self._status, name)

    def as_status(self) -> PrinterStatus:
        """Return itself as what it stands in for."""
        return cast("PrinterStatus", self)


def changed_fields(before: PrinterStatus, after: PrinterStatus) -> frozenset[str]:
    """Return the names of the fields in which two statuses differ."""
    return frozenset(name for name in _FIELDS if getattr(before, name) != getattr(after, name))
