"""What a file says of itself as plain data for JSON, and back: for rows and for workers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .file import (
    FilamentFacts,
    FileFacts,
    FileKind,
    HeatFacts,
    MeshFacts,
    PieceFacts,
    PlateFacts,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def facts_data(facts: FileFacts) -> dict[str, Any]:
    """Return what a file says of itself, without what it does not say."""
    data = asdict(facts)
    for plate in (*data["plates"], *data["drafts"]):
        span = plate.pop("print_time")
        plate["print_s"] = None if span is None else span.total_seconds()
        for filament in plate["filaments"]:
            filament["cost"] = None if filament["cost"] is None else str(filament["cost"])
    told: dict[str, Any] = _told(data)
    return told


def _told(value: Any) -> Any:
    """Return a value without the keys that say nothing."""
    if isinstance(value, dict):
        return {key: _told(one) for key, one in value.items() if one is not None and one != ()}
    return [_told(one) for one in value] if isinstance(value, tuple) else value


def facts_from(data: dict[str, Any]) -> FileFacts:
    """Return what `facts_data` laid out; it is used up. What was not known then is not in it.

    Raises what data of strangers makes constructors raise: ValueError, TypeError, KeyError,
    AttributeError, ArithmeticError.
    """
    mesh = data.pop("mesh", None)
    kind = data.pop("kind", None)
    return FileFacts(
        kind=None if kind is None else FileKind(kind),
        plates=_many(data.pop("plates", ()), _plate),
        mesh=None if mesh is None else MeshFacts(**_tuples(mesh)),
        drafts=_many(data.pop("drafts", ()), _plate),
        **data,
    )


def _plate(data: dict[str, Any]) -> PlateFacts:
    seconds = data.pop("print_s", None)
    heat = data.pop("heat", None)
    return PlateFacts(
        filaments=_many(data.pop("filaments", ()), _filament),
        print_time=None if seconds is None else timedelta(seconds=seconds),
        heat=None if heat is None else HeatFacts(**heat),
        pieces=_many(data.pop("pieces", ()), _piece),
        **_tuples(data),
    )


def _filament(data: dict[str, Any]) -> FilamentFacts:
    cost = data.pop("cost", None)
    return FilamentFacts(cost=None if cost is None else Decimal(cost), **data)


def _piece(data: dict[str, Any]) -> PieceFacts:
    return PieceFacts(**data)


def _many[T](rows: list[dict[str, Any]], read: Callable[[dict[str, Any]], T]) -> tuple[T, ...]:
    return tuple(read(row) for row in rows)


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
