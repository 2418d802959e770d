"""A process that sees one run to its end and dies of SIGKILL: `victim.py DATABASE WHERE`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

import sqlalchemy as sa

from custom_components.printernizer.engine.material import Material, Spool
from custom_components.printernizer.engine.printer import CurrentJob, PrinterState, PrinterStatus
from custom_components.printernizer.engine.shop import MachineProfile
from custom_components.printernizer.engine.store import accounts, stock
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop.workshop import Workshop
from tests.hand_clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Callable

SPOOL = UUID(int=7)


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives")


def _dying_after(function: Callable[..., Any], *args: Any, **kwargs: Any) -> NoReturn:
    function(*args, **kwargs)
    _die()


def _dying_at_commit(function: Callable[..., Any], connection: Any, *args: Any) -> Any:
    sa.event.listen(connection.engine, "commit", lambda _: _die())
    return function(connection, *args)


def _poison(where: str, workshop: Workshop) -> None:
    """See to it that the next account is the last thing this process does."""
    match where:
        case "before":
            workshop.ledger.subscribe(lambda event: _die() if not event.job.open else None)
            # It is heard after the accounts, which then have not had a turn yet.
        case "account":
            accounts.record = partial(_dying_after, accounts.record)
        case "stock":
            stock.consume = partial(_dying_after, stock.consume)
        case "commit":
            stock.consume = partial(_dying_at_commit, stock.consume)


async def main(database: str, where: str) -> None:
    clock = HandClock()
    async with Store(f"sqlite:///{database}") as store, Workshop(store, clock) as workshop:
        workshop.settings.describe("P1", MachineProfile())
        await workshop.ledger.meet("P1", kind="moonraker", model=None, name=None)
        material = Material(
            id=UUID(int=1),
            kind="PLA",
            density_g_cm3=Decimal("1.24"),
            diameter_mm=Decimal("1.75"),
        )
        await workshop.stock.add_material(material)
        spool = Spool(id=SPOOL, material_id=material.id, number=0, net_g=Decimal(1000))
        await workshop.stock.add_spool(spool)
        await workshop.stock.hang("P1", "tool_0", SPOOL)

        def see(state: PrinterState, share: float, *, first: bool = False) -> None:
            job = CurrentJob(id="1", path="/a.gcode", progress=share, filament_mm=share * 9000)
            status = PrinterStatus(state=state, job=job if share else None)
            workshop.ledger.seen("P1", status, first=first)
            workshop.accounts.on_status("P1", status)

        see(PrinterState.IDLE, 0, first=True)
        await clock.advance(100)
        for share in (0.1, 0.5, 0.9):
            see(PrinterState.PRINTING, share)
            await workshop.ledger.flush()
            await clock.advance(60)
        await workshop.accounts._flush()
        _poison(where, workshop)
        see(PrinterState.FINISHED, 1.0)
        await asyncio.sleep(10)


asyncio.run(main(*sys.argv[1:]))
