"""Stock as another program keeps it, in our words: what Spoolman says of filaments and spools."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime

TAG: Final = "spoolman:"
"""Before the number of a spool, where a printer's own host tells which one Spoolman has on it."""
NOISE_G: Final = Decimal("0.001")
"""Spoolman adds floating-point numbers: less than this is no movement."""


def spoolman_number(tag: str | None) -> int | None:
    """Return the number of Spoolman's spool that a printer's host names as its own."""
    digits = (tag or "").removeprefix(TAG)
    return int(digits) if tag != digits and digits.isascii() and digits.isdecimal() else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignMaterial:
    """A kind of filament, by its number there."""

    number: int
    kind: str
    brand: str | None = None
    name: str | None = None
    colour: str | None = None
    density_g_cm3: Decimal | None = None
    diameter_mm: Decimal | None = None
    price: Decimal | None = None
    net_g: Decimal | None = None
    tare_g: Decimal | None = None
    nozzle_c: int | None = None
    bed_c: int | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """What our material takes of it."""
        return {
            "kind": self.kind,
            "brand": self.brand,
            "name": self.name,
            "colour": self.colour,
            "density_g_cm3": self.density_g_cm3,
            "diameter_mm": self.diameter_mm,
            "price": self.price,
            "net_g": self.net_g,
            "nozzle_c": self.nozzle_c,
            "bed_c": self.bed_c,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignSpool:
    """A spool, by its number there."""

    number: int
    material: ForeignMaterial
    used_g: Decimal
    """What was taken of it; more than it held is possible, and is not clamped here."""
    price: Decimal | None = None
    initial_g: Decimal | None = None
    spool_g: Decimal | None = None
    """Empty; None: as its material says."""
    lot: str | None = None
    location: str | None = None
    opened_at: datetime | None = None
    archived: bool = False

    @property
    def net_g(self) -> Decimal | None:
        """What it held when new; None where nobody said, and then nothing is known of the rest."""
        return self.material.net_g if self.initial_g is None else self.initial_g

    @property
    def left_g(self) -> Decimal | None:
        """What is on it."""
        return None if self.net_g is None else self.net_g - self.used_g

    @property
    def fields(self) -> dict[str, Any]:
        """What our spool takes of it, besides its material and weights."""
        return {
            "price": self.price,
            "tare_g": self.material.tare_g if self.spool_g is None else self.spool_g,
            "lot": self.lot,
            "location": self.location,
            "opened_at": self.opened_at,
            "archived": self.archived,
        }


@dataclass(slots=True)
class Taken:
    """What came of taking a foreign stock in."""

    materials_added: int = 0
    materials_changed: int = 0
    spools_added: int = 0
    spools_changed: int = 0
    weights_changed: int = 0
    skipped: list[int] = field(default_factory=list)
    """Numbers of spools of which nobody knows what they held."""

    @property
    def anything(self) -> bool:
        """Whether it changed anything here."""
        return any(
            (
                self.materials_added,
                self.materials_changed,
                self.spools_added,
                self.spools_changed,
                self.weights_changed,
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Consumption that Spoolman is to be told of."""

    movement_id: int
    number: int
    """Of the spool there."""
    mass_g: Decimal
    """Negative: it comes back."""
    used_before_g: Decimal | None = None
    """What Spoolman said was used just before it was sent. None: it was not sent yet."""

    def arrived(self, used_g: Decimal) -> bool | None:
        """Return whether it was booked there, by what is used there now; None: cannot be told.

        Spoolman does not let what is used fall below nothing.
        """
        if self.used_before_g is None:
            return False
        after = max(self.used_before_g + self.mass_g, Decimal(0))
        if abs(used_g - after) <= NOISE_G:
            return True
        return False if abs(used_g - self.used_before_g) <= NOISE_G else None
