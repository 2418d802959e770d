"""The shelf of this moment: what there is, where it hangs, and what runs out.

Everything is kept in memory too, so that it answers at once; the book in the database leads, and
memory follows what it says. Printers tell with their statuses which spools they see themselves.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from ..errors import NotAllowed, StoreError
from ..events import LowStock, NotEnough
from ..foreign_stock import spoolman_number
from ..hanging import FIRST_TOOL, hangings, seen, slots_of
from ..material import (
    SlotSource,
    StockTask,
    TaskKind,
    is_low,
    label,
    shortages,
    value_of,
)
from ..store import slots, stock, stock_notes
from .listeners import Listeners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from uuid import UUID

    from sqlalchemy import Connection

    from ..events import StockEvent
    from ..hanging import Hanging, SlotSeen
    from ..material import Material, Movement, Need, Shortage, SlotChange, Spool
    from ..printer import PrinterStatus
    from ..store.database import Store
    from .clock import Clock
    from .settings import Settings

_LOGGER = logging.getLogger(__name__)

RETRY_S: Final = 10.0
"""Until the database is asked again to note what a printer saw."""
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Print:
    """What the print that runs wants, until it ends."""

    job_id: UUID
    needs: tuple[Need, ...]


class Stock:
    """Materials and spools. Open it with `async with`."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._materials: dict[UUID, Material] = {}
        self._spools: dict[UUID, Spool] = {}
        self._hung: dict[str, dict[str, UUID]] = {}
        self._places: dict[UUID, tuple[str, str]] = {}
        self._choices: tuple[str, ...] = ()
        self._sums: dict[UUID, Decimal] = {}
        """Grams of each material on all its spools."""
        self._low: frozenset[UUID] = frozenset()
        self._ticked: set[tuple[TaskKind, UUID]] = set()
        self._slots: dict[str, tuple[str, ...]] = {}
        self._seen: dict[str, Mapping[str, SlotSeen]] = {}
        self._statuses: dict[str, PrinterStatus] = {}
        self._left: dict[str, Decimal] = {}
        """Share of the running print that is still to come, by printer."""
        self._prints: dict[str, _Print] = {}
        self._short: dict[str, tuple[Shortage, ...]] = {}
        self._wishes: dict[tuple[str, str], Hanging] = {}
        self._wished = asyncio.Event()
        self._subscribers: Listeners[()] = Listeners("the stock")
        self._listeners: Listeners[StockEvent] = Listeners("the stock")
        self._worker: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def __aenter__(self) -> Self:
        self._take(*await self._store.run(_load))
        self._low = self._found_low()
        self._unsubscribe = self._settings.subscribe(self._on_settings)
        self._worker = asyncio.create_task(self._note_forever(), name="printernizer stock")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    # -- what there is -----------------------------------------------------------------------

    @property
    def materials(self) -> Mapping[UUID, Material]:
        """All of them, archived ones too, in the order of their taking in."""
        return MappingProxyType(self._materials)

    @property
    def spools(self) -> Mapping[UUID, Spool]:
        """All of them, archived ones too, by number."""
        return MappingProxyType(self._spools)

    def material_of(self, spool: Spool) -> Material:
        """Return what is on a spool."""
        return self._materials[spool.material_id]

    def label(self, spool: Spool) -> str:
        """Return how people call a spool: "#12 Prusament PETG Jet Black"."""
        return label(spool, self.material_of(spool))

    @property
    def choices(self) -> tuple[str, ...]:
        """Labels of all that can be hung, the newest first.

        Made once for each change: every slot of every printer shows them.
        """
        return self._choices

    def numbered(self, number: int) -> Spool:
        """Return the spool with this number on its label. Raises NotAllowed."""
        for spool in self._spools.values():
            if spool.number == number:
                return spool
        raise NotAllowed(f"there is no spool {number}", key="spool_unknown")

    def hung(self, printer_id: str) -> Mapping[str, Spool]:
        """Return which spool hangs in which slot of a printer now."""
        places = self._hung.get(printer_id, {})
        return {slot: self._spools[spool_id] for slot, spool_id in places.items()}

    def place_of(self, spool_id: UUID) -> tuple[str, str] | None:
        """Return the printer and slot where a spool hangs."""
        return self._places.get(spool_id)

    def slots(self, printer_id: str) -> tuple[str, ...]:
        """Return the places for spools on a printer, and those where something still hangs."""
        known = self._slots.get(printer_id, (FIRST_TOOL,))
        return (*known, *(slot for slot in self._hung.get(printer_id, {}) if slot not in known))

    @property
    def total_g(self) -> Decimal:
        """Grams of everything that is not archived, as the book says."""
        return sum((spool.remaining_g for spool in self._present()), Decimal(0))

    @property
    def total_value(self) -> Decimal:
        """The same in money; what has no price counts at the default one."""
        policy = self._settings.shop.stock
        values = (value_of(spool, self.material_of(spool), policy) for spool in self._present())
        return sum((value for value in values if value is not None), Decimal(0))

    @property
    def low(self) -> tuple[Material, ...]:
        """Materials that are to be bought."""
        return tuple(each for each in self._materials.values() if each.id in self._low)

    def left_of(self, material_id: UUID) -> Decimal:
        """Return the grams of a material on all its spools."""
        return self._sums.get(material_id, Decimal(0))

    @property
    def tasks(self) -> tuple[StockTask, ...]:
        """What is to be done: buy what is low, weigh what is negative."""
        buy = [
            (TaskKind.REORDER, material.id, material.title, self.left_of(material.id))
            for material in self.low
        ]
        weigh = [
            (TaskKind.WEIGH, spool.id, self.label(spool), spool.remaining_g)
            for spool in self._present()
            if spool.weigh_me
        ]
        return tuple(
            StockTask(
                kind=kind,
                subject=subject,
                label=text,
                left_g=left_g,
                done=(kind, subject) in self._ticked,
            )
            for kind, subject, text, left_g in (*buy, *weigh)
        )

    def _present(self) -> Iterable[Spool]:
        return (spool for spool in self._spools.values() if not spool.archived)

    # -- prints ------------------------------------------------------------------------------

    def short_of(self, printer_id: str, needs: Sequence[Need]) -> tuple[Shortage, ...]:
        """Return the slots whose spools hold less than a print would want of them."""
        return shortages(needs, self.hung(printer_id))

    def began(
        self, printer_id: str, job_id: UUID, needs: Sequence[Need], file: str | None = None
    ) -> tuple[Shortage, ...]:
        """Watch over a print that has begun; tells `NotEnough` of each slot that falls short."""
        self._prints[printer_id] = _Print(job_id, tuple(needs))
        self._short[printer_id] = short = self.short_of(printer_id, needs)
        for shortage in short:
            self._announce(
                NotEnough(printer_id=printer_id, shortage=shortage, job_id=job_id, file=file)
            )
        self._tell()
        return short

    def ended(self, printer_id: str) -> None:
        """Watch no more. Fine when nothing was watched."""
        self._prints.pop(printer_id, None)
        if self._short.pop(printer_id, ()):
            self._tell()

    def short(self, printer_id: str) -> tuple[Shortage, ...]:
        """Return where the print that runs will fall short."""
        return self._short.get(printer_id, ())

    def _look_at_prints(self) -> None:
        """See whether what hangs now is enough for the rest of what runs."""
        for printer_id, running in self._prints.items():
            share = self._left.get(printer_id, Decimal(1))
            self._short[printer_id] = shortages(running.needs, self.hung(printer_id), share)

    # -- deeds -------------------------------------------------------------------------------

    async def add_material(self, material: Material) -> Material:
        """Take a material into the shop."""
        added = await self._store.run(stock.add_material, material, self._clock.now())
        await self.refresh()
        return added

    async def change_material(self, material_id: UUID, changes: Mapping[str, Any]) -> Material:
        """Change fields of a material; `{"archived": True}` puts it away. Raises NotAllowed."""
        changed = await self._store.run(stock.change_material, material_id, changes)
        await self.refresh()
        return changed

    async def add_spool(
        self, spool: Spool, *, left_g: Decimal | None = None, by: str | None = None
    ) -> Spool:
        """Book a spool that was bought; returns it with its number. Raises NotAllowed.

        `left_g`: what it holds, where it is not new.
        """
        added = await self._store.run(
            stock.add_spool, spool, self._clock.now(), by=by, left_g=left_g
        )
        await self.refresh()
        return added

    async def change_spool(
        self, spool_id: UUID, changes: Mapping[str, Any], *, by: str | None = None
    ) -> Spool:
        """Change fields of a spool; one that is archived is taken down. Raises NotAllowed."""
        changed = await self._store.run(
            stock.change_spool, spool_id, changes, self._clock.now(), by=by
        )
        await self.refresh()
        return changed

    async def archive(self, spool_id: UUID, *, by: str | None = None) -> Spool:
        """Put a spool away for good. Raises NotAllowed."""
        return await self.change_spool(spool_id, {"archived": True}, by=by)

    async def weigh(
        self,
        spool_id: UUID,
        *,
        gross_g: Decimal | None = None,
        net_g: Decimal | None = None,
        by: str | None = None,
        reason: str | None = None,
    ) -> Movement:
        """Book what the scales say. Raises NotAllowed: no_tare, no_weight, below_tare."""
        movement = await self._store.run(
            stock.weigh,
            spool_id,
            self._clock.now(),
            gross_g=gross_g,
            net_g=net_g,
            by=by,
            reason=reason,
        )
        await self.refresh()
        return movement

    async def adjust(
        self, spool_id: UUID, mass_g: Decimal, *, reason: str, by: str | None = None
    ) -> Movement:
        """Book what came (positive) or went otherwise. Raises NotAllowed."""
        movement = await self._store.run(
            stock.adjust, spool_id, mass_g, self._clock.now(), reason=reason, by=by
        )
        await self.refresh()
        return movement

    async def hang(
        self,
        printer_id: str,
        slot: str,
        spool_id: UUID | None,
        *,
        by: str | None = None,
        source: SlotSource = SlotSource.PERSON,
    ) -> tuple[SlotChange, ...]:
        """Hang a spool into a slot, or take down what hangs there. Raises NotAllowed."""
        now = self._clock.now()
        changes = await self._store.run(
            stock.hang, printer_id, slot, spool_id, now, by=by, source=source
        )
        await self.refresh()
        return changes

    async def tick(self, kind: TaskKind, subject: UUID, *, done: bool, by: str | None) -> None:
        """Note that a person did a task, or did not after all."""
        if done:
            await self._store.run(stock_notes.note, kind, subject, self._clock.now(), by)
        else:
            await self._store.run(stock_notes.forget, kind, subject)
        await self.refresh()

    async def movements(
        self, *, spool_id: UUID | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[Movement, ...]:
        """Read the stock book, newest first."""
        return await self._store.run(stock.movements, spool_id=spool_id, before=before, limit=limit)

    async def refresh(self) -> None:
        """Read what the book says now: after whatever was booked, by us or others."""
        self._take(*await self._store.run(_load))
        was = self._low
        self._low = self._found_low()
        for material in self.low:
            if material.id not in was:
                self._announce(
                    LowStock(
                        material=material,
                        left_g=self.left_of(material.id),
                        threshold_g=self._threshold(material),
                    )
                )
        self._look_at_prints()
        self._tell()
        await self._forget_done()

    def _take(
        self,
        materials: tuple[Material, ...],
        spools: tuple[Spool, ...],
        hung: dict[str, dict[str, UUID]],
        ticked: frozenset[tuple[TaskKind, UUID]],
    ) -> None:
        self._materials = {material.id: material for material in materials}
        self._spools = {spool.id: spool for spool in spools}
        self._hung = hung
        self._places = {
            spool_id: (printer_id, slot)
            for printer_id, places in hung.items()
            for slot, spool_id in places.items()
        }
        self._sums = {}
        for spool in self._present():
            self._sums[spool.material_id] = self.left_of(spool.material_id) + spool.remaining_g
        self._choices = tuple(self.label(spool) for spool in reversed(tuple(self._present())))
        self._ticked = set(ticked)

    # -- what runs low -----------------------------------------------------------------------

    def _threshold(self, material: Material) -> Decimal:
        return self._settings.shop.stock.low_g if material.low_g is None else material.low_g

    def _found_low(self) -> frozenset[UUID]:
        shelf: dict[UUID, list[Spool]] = {}
        for spool in self._spools.values():
            shelf.setdefault(spool.material_id, []).append(spool)
        low_g = self._settings.shop.stock.low_g
        return frozenset(
            material.id
            for material in self._materials.values()
            if is_low(material, shelf.get(material.id, ()), low_g, before=material.id in self._low)
        )

    async def _forget_done(self) -> None:
        """Forget what was ticked off of tasks that are over: the next time it counts anew."""
        over = self._ticked - {(task.kind, task.subject) for task in self.tasks}
        for kind, subject in over:
            await self._store.run(stock_notes.forget, kind, subject)
        self._ticked -= over

    def _on_settings(self) -> None:
        """Another threshold: nothing ran low by that, so nobody is called."""
        self._low = self._found_low()
        self._tell()

    # -- what printers see -------------------------------------------------------------------

    def on_status(self, printer_id: str, status: PrinterStatus | None) -> None:
        """Take a status: hang what its reader sees, take down what is gone."""
        if status is None:
            return
        progress = status.job.progress if status.job is not None else None
        if progress is not None:
            self._left[printer_id] = Decimal(1) - Decimal(str(min(max(progress, 0.0), 1.0)))
        self._statuses[printer_id] = status
        known = slots_of(status)
        new = known != self._slots.get(printer_id)
        self._slots[printer_id] = known
        before = self._seen.get(printer_id, _NOTHING)
        now = seen(status)
        if now != before:
            self._seen[printer_id] = now
            found = hangings(before, status, self.hung(printer_id), self._spools.values())
            self._wish(printer_id, found)
        if new:
            self._tell()

    def look_again(self) -> None:
        """Look again at what printers say of Spoolman's spools: there may be new ones."""
        for printer_id, before in tuple(self._seen.items()):
            others = {slot: each for slot, each in before.items() if not spoolman_number(each.tag)}
            if len(others) < len(before):
                self._seen[printer_id] = others
                self.on_status(printer_id, self._statuses[printer_id])

    def _wish(self, printer_id: str, found: Iterable[Hanging]) -> None:
        for hanging in found:
            self._wishes[printer_id, hanging.slot] = hanging
            self._wished.set()

    async def _note_forever(self) -> None:
        while True:
            await self._wished.wait()
            self._wished.clear()
            try:
                await self._note()
            except StoreError as err:
                _LOGGER.warning("Where spools hang could not be noted, trying again: %s", err)
                self._wished.set()
                await self._clock.sleep(RETRY_S)

    async def _note(self) -> None:
        while self._wishes:
            (printer_id, slot), wish = next(iter(self._wishes.items()))
            try:
                await self.hang(printer_id, slot, wish.spool_id, source=wish.source)
            except NotAllowed:
                pass  # archived since: then nobody wants it any more
            except StoreError:
                raise
            except Exception:
                # One printer must not end the noting of all.
                _LOGGER.exception("%s: what hangs in %s cannot be noted", printer_id, slot)
            if self._wishes.get((printer_id, slot)) == wish:
                del self._wishes[printer_id, slot]

    # -- who hears of it ---------------------------------------------------------------------

    def subscribe(self, subscriber: Callable[[], None]) -> Callable[[], None]:
        """Hear when anything of the stock changed; returns how to stop."""
        return self._subscribers.add(subscriber)

    def listen(self, listener: Callable[[StockEvent], None]) -> Callable[[], None]:
        """Hear what runs low, or will not be enough; returns how to stop."""
        return self._listeners.add(listener)

    def _tell(self) -> None:
        self._subscribers.tell()

    def _announce(self, event: StockEvent) -> None:
        self._listeners.tell(event)


def _load(
    connection: Connection,
) -> tuple[
    tuple[Material, ...],
    tuple[Spool, ...],
    dict[str, dict[str, UUID]],
    frozenset[tuple[TaskKind, UUID]],
]:
    return (
        *stock.load(connection),
        slots.hung_everywhere(connection),
        stock_notes.load(connection),
    )
