"""Materials, spools and their movements.

Stock is what its movements sum to, never a field that somebody overwrites: a negative one asks to
be weighed, and is not clamped (rule 14).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from .shop import Process

if TYPE_CHECKING:
    from uuid import UUID


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
        return self.price * 1000 / self.net_g


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
