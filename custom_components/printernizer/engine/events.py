"""What the shop tells the world, beside what happens to jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from .material import Material, Shortage


@dataclass(frozen=True, kw_only=True, slots=True)
class LowStock:
    """A material has come below its threshold. Told once, until there is enough again."""

    material: Material
    left_g: Decimal
    """On all of its spools."""
    threshold_g: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class NotEnough:
    """A print wants more of a slot than its spool holds."""

    printer_id: str
    shortage: Shortage
    job_id: UUID | None = None
    """None: it has not begun."""
    file: str | None = None


type StockEvent = LowStock | NotEnough
