"""What Spoolman says in our stock book, and what it is to be told.

A consumption goes into the outbox in the transaction that books it (`stock.consume`), and leaves
it in steps, so that a crash at any moment neither loses nor doubles it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import sqlalchemy as sa

from ..foreign_stock import NOISE_G, Report, Taken
from ..material import Material, MovementKind, Spool
from . import stock
from .stock_tables import MATERIALS, SPOOLMAN_LINK, SPOOLMAN_OUTBOX, SPOOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from ..foreign_stock import ForeignMaterial, ForeignSpool

SENDING: Final = "sending"
DONE: Final = "done"
REFUSED: Final = "refused"
"""Spoolman has no such spool."""
UNCLEAR: Final = "unclear"
"""Somebody else booked on the spool while we lost the answer: it is not sent again."""


def link(connection: Connection, server: str | None, at: datetime) -> None:
    """Report consumption from now on to this Spoolman (a hash of its address); None: to nobody.

    What waits for one that does not lead any more is told to nobody: the numbers of another one
    mean other spools, and what it says itself once it leads again is what is left.
    """
    linked = connection.execute(sa.select(SPOOLMAN_LINK.c.server)).scalar_one_or_none()
    if linked == server:
        return
    connection.execute(sa.delete(SPOOLMAN_LINK))
    if linked is not None:
        unsent = SPOOLMAN_OUTBOX.c.state.in_((stock.WAITING, SENDING))
        connection.execute(sa.update(SPOOLMAN_OUTBOX).where(unsent).values(state=REFUSED))
    if server is not None:
        row = {"id": 1, "server": server, "since": at}
        connection.execute(sa.insert(SPOOLMAN_LINK), row)


def take(
    connection: Connection,
    spools: Iterable[ForeignSpool],
    at: datetime,
    *,
    leads: bool,
    all_of_them: bool = False,
) -> Taken:
    """Take spools and their filaments in; doing it again changes only what changed there.

    `leads`: what is left there is what is left (a SYNC movement); otherwise only spools that are
    new to us bring their rest along. `all_of_them`: what is missing was deleted there, and is
    archived here.
    """
    taken = Taken()
    materials: dict[int, UUID] = {}
    numbers: set[int] = set()
    for foreign in spools:
        numbers.add(foreign.number)
        if foreign.material.number not in materials:
            materials[foreign.material.number] = _material(connection, foreign.material, at, taken)
        _spool(connection, foreign, materials[foreign.material.number], at, taken, leads=leads)
    if all_of_them and numbers:
        present = sa.select(SPOOLS.c.spoolman_id).where(
            SPOOLS.c.spoolman_id.is_not(None), SPOOLS.c.archived.is_(sa.false())
        )
        for number in set(connection.execute(present).scalars()) - numbers:
            delete(connection, number, at)
            taken.spools_changed += 1
    return taken


def delete(connection: Connection, number: int, at: datetime) -> None:
    """Put away a spool that was deleted there. Fine when we do not have it."""
    found = _found(connection, number)
    if found is not None and not found.archived:
        stock.change_spool(connection, found.id, {"archived": True}, at)


def _material(connection: Connection, foreign: ForeignMaterial, at: datetime, taken: Taken) -> UUID:
    found: UUID | None = connection.execute(
        sa.select(MATERIALS.c.id).where(MATERIALS.c.spoolman_id == foreign.number)
    ).scalar_one_or_none()
    if found is None:
        made = Material(id=uuid4(), spoolman_id=foreign.number, **foreign.fields)
        stock.add_material(connection, made, at)
        taken.materials_added += 1
        return made.id
    changes = _changes(stock.material(connection, found), foreign.fields)
    if changes:
        stock.change_material(connection, found, changes)
        taken.materials_changed += 1
    return found


def _spool(
    connection: Connection,
    foreign: ForeignSpool,
    material_id: UUID,
    at: datetime,
    taken: Taken,
    *,
    leads: bool,
) -> None:
    net_g, left_g = foreign.net_g, foreign.left_g
    if net_g is None or left_g is None:
        taken.skipped.append(foreign.number)
        return
    fields = {**foreign.fields, "net_g": net_g, "material_id": material_id}
    found = _found(connection, foreign.number)
    if found is None:
        made = Spool(id=uuid4(), number=0, spoolman_id=foreign.number, **fields)
        stock.add_spool(connection, made, at, left_g=left_g, kind=MovementKind.SYNC)
        taken.spools_added += 1
        return
    if changes := _changes(found, fields):
        stock.change_spool(connection, found.id, changes, at)
        taken.spools_changed += 1
    if leads and _settle(connection, found, left_g, at):
        taken.weights_changed += 1


def _settle(connection: Connection, spool: Spool, left_g: Decimal, at: datetime) -> bool:
    """Book the difference to what is left there; what it was not told yet is none of it."""
    untold = Decimal(0)
    rows = connection.execute(
        sa.select(SPOOLMAN_OUTBOX.c.mass_g, SPOOLMAN_OUTBOX.c.state).where(
            SPOOLMAN_OUTBOX.c.spool_id == spool.id,
            SPOOLMAN_OUTBOX.c.state.in_((stock.WAITING, SENDING)),
        )
    )
    for row in rows:
        if row.state == SENDING:
            return False  # nobody knows whether it is counted there: the next time will tell
        untold += row.mass_g
    difference = left_g - untold - spool.remaining_g
    if abs(difference) <= NOISE_G:
        return False
    stock.sync(connection, spool.id, difference, at)
    return True


def _found(connection: Connection, number: int) -> Spool | None:
    found = connection.execute(
        sa.select(SPOOLS.c.id).where(SPOOLS.c.spoolman_id == number)
    ).scalar_one_or_none()
    return None if found is None else stock.get_spool(connection, found)


def _changes(ours: Material | Spool, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if getattr(ours, key) != value}


# -- the outbox --------------------------------------------------------------------------------


def waiting(connection: Connection, limit: int = 100) -> tuple[Report, ...]:
    """Read what Spoolman is to be told, the oldest first."""
    rows = connection.execute(
        sa.select(SPOOLMAN_OUTBOX)
        .where(SPOOLMAN_OUTBOX.c.state.in_((stock.WAITING, SENDING)))
        .order_by(SPOOLMAN_OUTBOX.c.movement_id)
        .limit(limit)
    ).mappings()
    return tuple(
        Report(
            movement_id=row["movement_id"],
            number=row["spoolman_id"],
            mass_g=row["mass_g"],
            used_before_g=row["used_before_g"] if row["state"] == SENDING else None,
        )
        for row in rows
    )


def sending(connection: Connection, movement_id: int, used_before_g: Decimal) -> None:
    """Note, before it is sent, what was used there: to know later whether it arrived."""
    _mark(connection, movement_id, state=SENDING, used_before_g=used_before_g)


def settled(connection: Connection, movement_id: int, state: str) -> None:
    """Note what became of it: DONE, REFUSED or UNCLEAR."""
    _mark(connection, movement_id, state=state)


def _mark(connection: Connection, movement_id: int, **values: Any) -> None:
    connection.execute(
        sa.update(SPOOLMAN_OUTBOX)
        .where(SPOOLMAN_OUTBOX.c.movement_id == movement_id)
        .values(**values)
    )
