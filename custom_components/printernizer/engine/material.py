"""Materials, spools and their movements.

Stock is what its movements sum to, never a field that somebody overwrites: a negative one asks to
be weighed, and is not clamped (rule 14).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .money import exact
from .shop import Process

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from .shop import StockPolicy

TOOL_SLOT: Final = "tool_{}"
"""Slot of a tool where the printer reports no slots of its own."""
_CLEARED_AT: Final = Decimal("1.1")
"""Times its threshold must be there again before a material is not low any more: scales and
estimates tremble."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """A kind of filament or resin that can be bought again."""

    id: UUID
    kind: str
    """"PLA", "PETG", "Tough Resin"."""
    process: Process = Process.FILAMENT
    brand: str | None = None
    name: str | None = None
    colour: str | None = None
    """#RRGGBB or #RRGGBBAA, upper case."""
    density_g_cm3: Decimal | None = None
    diameter_mm: Decimal | None = None
    price: Decimal | None = None
    """Of one new spool or bottle."""
    net_g: Decimal | None = None
    """What a new spool or bottle holds."""
    nozzle_c: int | None = None
    bed_c: int | None = None
    low_g: Decimal | None = None
    """Its own threshold; None: the shop's."""
    archived: bool = False
    spoolman_id: int | None = None

    @property
    def title(self) -> str:
        """Brand, kind and name, as a person says it."""
        return " ".join(part for part in (self.brand, self.kind, self.name) if part)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spool:
    """One spool or bottle."""

    id: UUID
    material_id: UUID
    number: int
    """What stands on its label; never reused."""
    price: Decimal | None = None
    """What it was bought for; None: the material's price."""
    net_g: Decimal
    """What it held when new."""
    tare_g: Decimal | None = None
    """The empty spool."""
    lot: str | None = None
    location: str | None = None
    opened_at: datetime | None = None
    dried_at: datetime | None = None
    tag: str | None = None
    """RFID identity, as `Slot.spool_tag`."""
    archived: bool = False
    spoolman_id: int | None = None
    remaining_g: Decimal = Decimal(0)
    """Sum of its movements; negative: weigh me."""

    @property
    def price_per_kg(self) -> Decimal | None:
        """Purchase price over initial net weight (rule 13)."""
        if self.price is None or self.net_g <= 0:
            return None
        return exact(self.price * 1000 / self.net_g)

    @property
    def weigh_me(self) -> bool:
        """Whether more was taken than there was: only scales can tell what is left."""
        return self.remaining_g < 0


def price_per_kg(spool: Spool, material: Material) -> Decimal | None:
    """Return what a kilogram of this spool costs: its own price, else its material's.

    None when neither has one.
    """
    if spool.price is not None:
        return spool.price_per_kg
    net_g = material.net_g or spool.net_g
    if material.price is None or net_g <= 0:
        return None
    return exact(material.price * 1000 / net_g)


def is_low(
    material: Material, spools: Iterable[Spool], low_g: Decimal, *, before: bool = False
) -> bool:
    """Return whether a material runs low: its fullest spool holds less than the threshold.

    `low_g`: the shop's threshold; `before`: whether it was low, since it takes a tenth more to
    be well again. A material without a spool is low only where it names its own threshold: then
    it is wanted in stock.
    """
    if material.archived:
        return False
    threshold = low_g if material.low_g is None else material.low_g
    lefts = [spool.remaining_g for spool in spools if not spool.archived]
    if not lefts:
        return material.low_g is not None and material.low_g > 0
    return max(lefts) < threshold * (_CLEARED_AT if before else 1)


class MovementKind(StrEnum):
    """Why stock changed."""

    PURCHASE = "purchase"
    CONSUMPTION = "consumption"
    WEIGHING = "weighing"
    ADJUSTMENT = "adjustment"
    SYNC = "sync"
    """Spoolman said so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """One entry of the stock book. Append-only."""

    id: int
    spool_id: UUID
    kind: MovementKind
    mass_g: Decimal
    """Signed: consumption is negative."""
    at: datetime
    job_id: UUID | None = None
    by: str | None = None
    """A user's id; None: by itself."""
    reason: str | None = None


class SlotSource(StrEnum):
    """Who says that a spool hangs in a slot."""

    PERSON = "person"
    TAG = "tag"
    """The printer read the spool's RFID tag, or saw the slot empty."""
    SPOOLMAN = "spoolman"


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotChange:
    """A spool was hung, or taken down. Append-only."""

    printer_id: str
    slot: str
    spool_id: UUID | None
    """None: taken down, or nobody knows what hangs there now."""
    at: datetime
    by: str | None = None
    """A user's id."""
    source: SlotSource = SlotSource.PERSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What a print wants of one slot."""

    slot: str
    mass_g: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortage:
    """A slot whose spool holds less than a print wants of it."""

    slot: str
    spool: Spool
    needed_g: Decimal
    left_g: Decimal


class TaskKind(StrEnum):
    """Work that the stock asks for."""

    REORDER = "reorder"
    WEIGH = "weigh"


@dataclass(frozen=True, kw_only=True, slots=True)
class StockTask:
    """Something to be done: buy a material, or weigh a spool."""

    kind: TaskKind
    subject: UUID
    """Of the material to be bought, or the spool to be weighed."""
    label: str
    left_g: Decimal
    done: bool = False
    """A person ticked it off; it is gone once the stock is well again."""


def label(spool: Spool, material: Material) -> str:
    """Return how people call a spool: "#12 Prusament PETG Jet Black"."""
    return f"#{spool.number} {material.title}"


def value_of(spool: Spool, material: Material, policy: StockPolicy) -> Decimal | None:
    """Return what is left on a spool in money, at the default price where it has none.

    None for resin without a price of which the density is not known: a default is per litre.
    """
    price = price_per_kg(spool, material)
    if price is not None:
        return exact(spool.remaining_g * price / 1000)
    if material.process is Process.FILAMENT:
        return exact(spool.remaining_g * policy.default_price_per_kg / 1000)
    if material.density_g_cm3 is None or material.density_g_cm3 <= 0:
        return None
    volume_ml = spool.remaining_g / material.density_g_cm3
    return exact(volume_ml * policy.default_price_per_l / 1000)


def shortages(
    needs: Iterable[Need], hung: Mapping[str, Spool], share: Decimal = Decimal(1)
) -> tuple[Shortage, ...]:
    """Return the slots whose spools hold less than `share` of what is needed of them.

    A slot of which the spool is not known is none of them: nobody can say.
    """
    wanted: dict[str, Decimal] = {}
    for need in needs:
        wanted[need.slot] = wanted.get(need.slot, Decimal(0)) + need.mass_g * share
    return tuple(
        Shortage(slot=slot, spool=spool, needed_g=exact(mass_g), left_g=spool.remaining_g)
        for slot, mass_g in wanted.items()
        if (spool := hung.get(slot)) is not None and spool.remaining_g < mass_g
    )
