"""The stock book: materials, spools, and every gram that came or went.

What a spool holds is the sum of its movements; a trigger keeps that sum beside the spool. Nothing
is ever taken out of the book, and nothing is clamped.
"""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ..errors import NotAllowed
from ..material import (
    Material,
    Movement,
    MovementKind,
    SlotSource,
    Spool,
    price_per_kg as _price_per_kg,
)
from ..money import exact
from ..shop import Process
from .schema import JOBS
from .slots import changes, hang, hung, hung_by, take_down
from .stock_tables import (
    MATERIALS,
    MOVEMENTS,
    SPOOL_NUMBERS,
    SPOOLMAN_LINK,
    SPOOLMAN_OUTBOX,
    SPOOLS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from ..account import Consumption

__all__ = [
    "add_material",
    "add_spool",
    "adjust",
    "change_material",
    "change_spool",
    "changes",
    "consume",
    "get_spool",
    "hang",
    "hung",
    "load",
    "material",
    "movements",
    "price_per_kg",
    "sync",
    "weigh",
]

_MATERIAL_FIELDS: Final = tuple(field.name for field in fields(Material))
_SPOOL_FIELDS: Final = tuple(field.name for field in fields(Spool))
_CHANGEABLE_MATERIAL: Final = frozenset(_MATERIAL_FIELDS) - {"id"}
_CHANGEABLE_SPOOL: Final = frozenset(_SPOOL_FIELDS) - {"id", "number", "remaining_g"}
WAITING: Final = "waiting"
"""State of a consumption that Spoolman has not been told yet."""


# -- materials and spools ----------------------------------------------------------------------


def add_material(connection: Connection, material: Material, at: datetime) -> Material:
    """Take a material into the shop."""
    row = {key: getattr(material, key) for key in _MATERIAL_FIELDS}
    row["process"] = material.process.value
    connection.execute(sa.insert(MATERIALS), {**row, "added_at": at})
    return material


def change_material(
    connection: Connection, material_id: UUID, changes: Mapping[str, Any]
) -> Material:
    """Change fields of a material; returns it as it is then. Raises NotAllowed: unknown."""
    _change(connection, MATERIALS, material_id, _CHANGEABLE_MATERIAL, changes)
    return material(connection, material_id)


def add_spool(
    connection: Connection,
    spool: Spool,
    at: datetime,
    *,
    by: str | None = None,
    left_g: Decimal | None = None,
    kind: MovementKind = MovementKind.ADJUSTMENT,
) -> Spool:
    """Book the purchase of a spool, with the next number; `spool.number` does not matter.

    `left_g`: what it holds now, when it is not new; `kind`: as what the difference is booked.
    Raises NotAllowed: unknown material.
    """
    material(connection, spool.material_id)
    number = connection.execute(
        sa.update(SPOOL_NUMBERS)
        .where(SPOOL_NUMBERS.c.id == 1)
        .values(last=SPOOL_NUMBERS.c.last + 1)
        .returning(SPOOL_NUMBERS.c.last)
    ).scalar_one()
    numbered = replace(spool, number=number, remaining_g=Decimal(0))
    row = {key: getattr(numbered, key) for key in _SPOOL_FIELDS}
    connection.execute(sa.insert(SPOOLS), {**row, "added_at": at})
    _book(connection, spool.id, MovementKind.PURCHASE, spool.net_g, at, by=by)
    if left_g is not None and left_g != spool.net_g:
        _book(
            connection,
            spool.id,
            kind,
            left_g - spool.net_g,
            at,
            by=by,
            reason="used_before",
        )
    return get_spool(connection, spool.id)


def change_spool(
    connection: Connection,
    spool_id: UUID,
    changes: Mapping[str, Any],
    at: datetime,
    *,
    by: str | None = None,
) -> Spool:
    """Change fields of a spool; one that is archived is taken down. Raises NotAllowed: unknown.

    What it holds is not a field: that takes a movement.
    """
    if "material_id" in changes:
        material(connection, changes["material_id"])
    _change(connection, SPOOLS, spool_id, _CHANGEABLE_SPOOL, changes)
    if changes.get("archived"):
        take_down(connection, spool_id, at, by=by)
    return get_spool(connection, spool_id)


def _change(
    connection: Connection,
    table: sa.Table,
    key: UUID,
    changeable: frozenset[str],
    changes: Mapping[str, Any],
) -> None:
    if strange := set(changes) - changeable:
        raise NotAllowed(f"{min(strange)} cannot be changed")
    if changes:
        connection.execute(sa.update(table).where(table.c.id == key).values(**changes))


def material(connection: Connection, material_id: UUID) -> Material:
    """Read a material. Raises NotAllowed(key="material_unknown")."""
    row = _one(connection, sa.select(MATERIALS).where(MATERIALS.c.id == material_id))
    if row is None:
        raise NotAllowed("there is no such material", key="material_unknown")
    return _material(row)


def get_spool(connection: Connection, spool_id: UUID) -> Spool:
    """Read a spool. Raises NotAllowed(key="spool_unknown")."""
    row = _one(connection, sa.select(SPOOLS).where(SPOOLS.c.id == spool_id))
    if row is None:
        raise NotAllowed("there is no such spool", key="spool_unknown")
    return _spool(row)


def load(connection: Connection) -> tuple[tuple[Material, ...], tuple[Spool, ...]]:
    """Read all materials and spools, archived ones too, in the order of their taking in."""
    materials = connection.execute(
        sa.select(MATERIALS).order_by(MATERIALS.c.added_at, MATERIALS.c.id)
    ).mappings()
    spools = connection.execute(sa.select(SPOOLS).order_by(SPOOLS.c.number)).mappings()
    return tuple(map(_material, materials)), tuple(map(_spool, spools))


def price_per_kg(connection: Connection, spool_id: UUID) -> Decimal | None:
    """Read what a kilogram of a spool costs now: its own price, else its material's.

    None where neither has one. Raises NotAllowed: unknown.
    """
    spool = get_spool(connection, spool_id)
    return _price_per_kg(spool, material(connection, spool.material_id))


# -- movements ---------------------------------------------------------------------------------


def consume(
    connection: Connection, job_id: UUID, lines: Sequence[Consumption], at: datetime
) -> tuple[Movement, ...]:
    """Book what a run took, so that the book says of it what `lines` say; returns what was new.

    Calling it again books nothing, and with other lines the difference: a correction. A line
    without a spool or a mass books nothing. What was corrected away from a spool goes back onto
    it. Where Spoolman is the source, it is put down here to be told.
    """
    # Two instances on one database must not both book the difference.
    job = connection.execute(
        sa.select(JOBS.c.printer_id).where(JOBS.c.id == job_id).with_for_update()
    ).one_or_none()
    if job is None:
        raise NotAllowed("there is no such job", key="no_job")
    booked = _booked(connection, job_id)
    wanted = dict.fromkeys(booked, Decimal(0))
    for line in lines:
        if line.spool_id is not None and line.mass_g is not None:
            wanted[line.spool_id] = wanted.get(line.spool_id, Decimal(0)) - line.mass_g
    # In one order for everybody: two transactions must not wait for each other's spools.
    booking = tuple(
        _book(connection, spool_id, MovementKind.CONSUMPTION, missing, at, job_id=job_id)
        for spool_id, mass_g in sorted(wanted.items())
        if (missing := exact(mass_g - booked.get(spool_id, Decimal(0))))
    )
    _report(connection, job.printer_id, booking)
    return booking


def _booked(connection: Connection, job_id: UUID) -> dict[UUID, Decimal]:
    rows = connection.execute(
        sa.select(MOVEMENTS.c.spool_id, sa.func.sum(MOVEMENTS.c.mass_g).label("mass_g"))
        .where(
            MOVEMENTS.c.job_id == job_id,
            MOVEMENTS.c.kind == MovementKind.CONSUMPTION.value,
        )
        .group_by(MOVEMENTS.c.spool_id)
    )
    return {row.spool_id: row.mass_g for row in rows}


def _report(connection: Connection, printer_id: str | None, booking: Iterable[Movement]) -> None:
    """Put movements down for Spoolman, in the same transaction that books them."""
    if connection.execute(sa.select(SPOOLMAN_LINK.c.id)).one_or_none() is None:
        return
    for movement in booking:
        number = get_spool(connection, movement.spool_id).spoolman_id
        hangs = printer_id and hung_by(connection, printer_id, movement.spool_id)
        # Where the printer's own host tells which of Spoolman's spools it feeds from, it also
        # tells Spoolman what it took: we must not, too.
        if number is not None and hangs is not SlotSource.SPOOLMAN:
            connection.execute(
                sa.insert(SPOOLMAN_OUTBOX),
                {
                    "movement_id": movement.id,
                    "spool_id": movement.spool_id,
                    "spoolman_id": number,
                    "mass_g": -movement.mass_g,
                    "state": WAITING,
                },
            )


def weigh(
    connection: Connection,
    spool_id: UUID,
    at: datetime,
    *,
    gross_g: Decimal | None = None,
    net_g: Decimal | None = None,
    by: str | None = None,
    reason: str | None = None,
) -> Movement:
    """Book the difference to what the scales say: with the empty spool (gross) or without (net).

    One of the two. Raises NotAllowed: unknown; no_tare, without which gross says nothing;
    below_tare, since then one of the two weights is wrong.
    """
    spool = _locked(connection, spool_id)
    if net_g is None:
        if gross_g is None:
            raise NotAllowed("no weight was given", key="no_weight")
        if spool.tare_g is None:
            raise NotAllowed("the weight of the empty spool is not known", key="no_tare")
        net_g = gross_g - spool.tare_g
    if net_g < 0:
        raise NotAllowed("lighter than the empty spool", key="below_tare")
    difference = exact(net_g - spool.remaining_g)
    movement = _book(
        connection, spool_id, MovementKind.WEIGHING, difference, at, by=by, reason=reason
    )
    _report(connection, None, (movement,))
    return movement


def adjust(
    connection: Connection,
    spool_id: UUID,
    mass_g: Decimal,
    at: datetime,
    *,
    reason: str,
    by: str | None = None,
) -> Movement:
    """Book what came (positive) or went otherwise, with its reason. Raises NotAllowed: unknown."""
    get_spool(connection, spool_id)
    kind = MovementKind.ADJUSTMENT
    movement = _book(connection, spool_id, kind, exact(mass_g), at, by=by, reason=reason)
    _report(connection, None, (movement,))
    return movement


def sync(connection: Connection, spool_id: UUID, mass_g: Decimal, at: datetime) -> Movement:
    """Book the difference to what Spoolman says is left."""
    return _book(connection, spool_id, MovementKind.SYNC, exact(mass_g), at)


def movements(
    connection: Connection,
    *,
    spool_id: UUID | None = None,
    job_id: UUID | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[Movement, ...]:
    """Read entries of the book, newest first; `before` is the id at which the last page ended."""
    query = sa.select(MOVEMENTS).order_by(MOVEMENTS.c.id.desc()).limit(limit)
    if spool_id is not None:
        query = query.where(MOVEMENTS.c.spool_id == spool_id)
    if job_id is not None:
        query = query.where(MOVEMENTS.c.job_id == job_id)
    if before is not None:
        query = query.where(MOVEMENTS.c.id < before)
    return tuple(map(_movement, connection.execute(query).mappings()))


def _book(
    connection: Connection,
    spool_id: UUID,
    kind: MovementKind,
    mass_g: Decimal,
    at: datetime,
    *,
    job_id: UUID | None = None,
    by: str | None = None,
    reason: str | None = None,
) -> Movement:
    row = {
        "spool_id": spool_id,
        "kind": kind.value,
        "mass_g": mass_g,
        "at": at,
        "job_id": job_id,
        "by": by,
        "reason": reason,
    }
    entry = connection.execute(sa.insert(MOVEMENTS).returning(MOVEMENTS), row).mappings().one()
    return _movement(entry)


def _locked(connection: Connection, spool_id: UUID) -> Spool:
    """Read a spool of which nobody else writes a movement until we are done."""
    connection.execute(sa.select(SPOOLS.c.id).where(SPOOLS.c.id == spool_id).with_for_update())
    return get_spool(connection, spool_id)


# -- rows to values ----------------------------------------------------------------------------


def _one(connection: Connection, query: sa.Select[Any]) -> RowMapping | None:
    return connection.execute(query).mappings().one_or_none()


def _material(row: RowMapping) -> Material:
    values = {key: row[key] for key in _MATERIAL_FIELDS}
    return Material(**{**values, "process": Process(row["process"])})


def _spool(row: RowMapping) -> Spool:
    return Spool(**{key: row[key] for key in _SPOOL_FIELDS})


def _movement(row: RowMapping) -> Movement:
    return Movement(
        id=row["id"],
        spool_id=row["spool_id"],
        kind=MovementKind(row["kind"]),
        mass_g=row["mass_g"],
        at=row["at"],
        job_id=row["job_id"],
        by=row["by"],
        reason=row["reason"],
    )
