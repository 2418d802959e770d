"""What one run consumed and what it cost: every figure with its source and its confidence.

Three numbers are kept apart (rule 21): the estimate before, the actual cost after, and the price
that is charged. What is not known is None and never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta
    from uuid import UUID

    from .shop import Purpose


class Source(StrEnum):
    """Where a figure comes from: the ladder of rule 7, and the ways to know energy."""

    MEASURED = "measured"
    """By the firmware (Klipper's filament_used), per tool where it tells."""
    LAYERS = "layers"
    """Net extrusion of the very G-code and plate up to the last good layer."""
    ESTIMATE = "estimate"
    """The slicer's figure times the last good progress."""
    SLOTS = "slots"
    """The difference of what the feeder says is left on the spool."""
    WEIGHED = "weighed"
    """By a person, after the fact."""
    METER = "meter"
    """The difference of an energy meter."""
    POWER = "power"
    """Power integrated over time."""
    MODEL = "model"
    """Watts by what the printer was doing."""
    CLOCK = "clock"
    """Time that we watched, or that the printer told."""
    SETTING = "setting"
    """A rate that the owner set."""
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How far a figure can be trusted."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NONE = "none"
    """Nothing is known."""


CONFIDENCE_ORDER: Final = (Confidence.NONE, Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)


class Role(StrEnum):
    """What material became."""

    MODEL = "model"
    SUPPORT = "support"
    PURGE = "purge"
    """Flushed at a change of filament."""
    TOWER = "tower"
    SKIRT = "skirt"
    """Skirt, brim and prime line."""
    ALL = "all"
    """Not told apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Consumption:
    """Material of one spool and one role in one run."""

    role: Role = Role.ALL
    tool: int | None = None
    """Filament of the slicer's list, from 0."""
    slot: str | None = None
    spool_id: UUID | None = None
    """None: nobody said which spool it was; priced by default and flagged (rule 11)."""
    material: str | None = None
    """Kind, e.g. "PETG"."""
    mass_g: Decimal | None = None
    """Six places. None: unknown."""
    length_mm: Decimal | None = None
    volume_ml: Decimal | None = None
    """Of resin."""
    source: Source = Source.UNKNOWN
    confidence: Confidence = Confidence.NONE
    price_per_kg: Decimal | None = None
    """At the time of consumption; a later edit does not rewrite it (rule 13). Per litre where
    only a volume is known."""
    amount: Decimal | None = None

    @property
    def unmapped(self) -> bool:
        """Whether its spool is not known."""
        return self.spool_id is None


def weakest(lines: Iterable[Consumption]) -> tuple[Source, Confidence]:
    """Return the source and confidence that a sum may claim: those of its weakest line."""
    weak = min(lines, key=lambda line: CONFIDENCE_ORDER.index(line.confidence), default=None)
    return (weak.source, weak.confidence) if weak else (Source.UNKNOWN, Confidence.NONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class EnergyUse:
    """Energy of one run, heat-up to cool-down."""

    kwh: Decimal | None = None
    amount: Decimal | None = None
    """Summed over the prices of its intervals (rule 17)."""
    solar_kwh: Decimal | None = None
    """Part of `kwh` from the own roof; None: nobody asked."""
    source: Source = Source.UNKNOWN
    confidence: Confidence = Confidence.NONE
    reason: str | None = None
    """Why it is not known: "no_meter", "meter_reset", "meter_jump", "meter_changed", "meter_gap";
    or, beside a figure, why it is trusted less: "meter_gap", "late_start", "end_unseen",
    "price_gap"."""


NO_ENERGY: Final = EnergyUse()


class CostKind(StrEnum):
    """The lines of a cost, in their order."""

    MATERIAL = "material"
    ENERGY = "energy"
    MACHINE = "machine"
    LABOUR = "labour"
    FAILURE = "failure"
    OVERHEAD = "overhead"


@dataclass(frozen=True, kw_only=True, slots=True)
class CostLine:
    """One line: quantity times unit price is the amount, up to rounding at six places."""

    kind: CostKind
    label: str
    """A key: "PETG", "meter", "setup"; the ring and exports translate known ones."""
    quantity: Decimal | None = None
    unit: str | None = None
    """"g", "ml", "kWh", "h", "%"."""
    unit_price: Decimal | None = None
    """Per unit; of grams per kilogram, of millilitres per litre."""
    amount: Decimal | None = None
    """None: unknown, and then the total is a lower bound."""
    source: Source = Source.SETTING
    confidence: Confidence = Confidence.HIGH


@dataclass(frozen=True, kw_only=True, slots=True)
class Breakdown:
    """A cost as the sum of its lines."""

    lines: tuple[CostLine, ...] = ()

    @property
    def total(self) -> Decimal:
        """Sum of the amounts that are known."""
        return sum((line.amount for line in self.lines if line.amount is not None), Decimal(0))

    @property
    def complete(self) -> bool:
        """Whether every line has an amount; otherwise `total` is a lower bound."""
        return all(line.amount is not None for line in self.lines)

    def of(self, kind: CostKind) -> Decimal | None:
        """Return the sum of one kind; None where it has no line, or one that is unknown."""
        amounts = [line.amount for line in self.lines if line.kind is kind]
        if not amounts or any(amount is None for amount in amounts):
            return None
        return sum((amount for amount in amounts if amount is not None), Decimal(0))


@dataclass(frozen=True, kw_only=True, slots=True)
class JobAccount:
    """All that the ledger knows of what a run took. One row per run, beside its `Job`."""

    job_id: UUID
    at: datetime
    """When it was reckoned."""
    currency: str
    consumption: tuple[Consumption, ...] = ()
    energy: EnergyUse = NO_ENERGY
    cost: Breakdown = Breakdown()
    """What it really cost."""
    estimate: Breakdown | None = None
    """What was expected before it began."""
    price: Decimal | None = None
    """What is charged for it, net; None: it is charged to nobody, or by an order."""
    machine_time: timedelta | None = None
    pieces: int | None = None
    """Pieces that came off the plate good; None: nobody said."""
    purpose: Purpose | None = None
    customer_id: UUID | None = None
    revision: int = 1
    """Grows with every correction; what was before stands in the audit log."""

    @property
    def mass_g(self) -> Decimal | None:
        """All grams; None while any part is unknown, or nothing was recorded."""
        masses = [line.mass_g for line in self.consumption]
        if not masses or any(mass is None for mass in masses):
            return None
        return sum((mass for mass in masses if mass is not None), Decimal(0))

    @property
    def cost_per_piece(self) -> Decimal | None:
        """Cost of one good piece (rule 15)."""
        return self.cost.total / self.pieces if self.pieces else None
