"""What a month was like: totals of the shop, by week, printer, material and customer.

Months and weeks are those of the shop's time zone (rule 30). Amounts are in the report's currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from .money import ZERO

if TYPE_CHECKING:
    from datetime import date

    from .account import CostKind


@dataclass(frozen=True, kw_only=True, slots=True)
class JobCounts:
    """Jobs that ended, by how."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    unknown: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.completed + self.failed + self.cancelled + self.unknown + self.skipped

    @property
    def success(self) -> float | None:
        """Share of the completed among completed and failed, 0 to 1 (rule 4); None without any."""
        judged = self.completed + self.failed
        return self.completed / judged if judged else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Sums over some jobs. What was not known is not in them."""

    jobs: JobCounts = JobCounts()
    hours: Decimal = ZERO
    """Of printing, as far as durations are known."""
    mass_g: Decimal = ZERO
    volume_ml: Decimal = ZERO
    """Of resin that was not weighed."""
    kwh: Decimal = ZERO
    cost: Decimal = ZERO
    revenue: Decimal = ZERO
    """Net."""
    incomplete: int = 0
    """Jobs whose cost is a lower bound, because a part of it is not known."""

    @property
    def margin(self) -> Decimal:
        """Revenue less cost."""
        return self.revenue - self.cost


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """The part of one printer, material or customer in the totals."""

    name: str | None
    """None: nobody said which."""
    totals: Totals
    key: str | None = None
    """Id of the printer, number of the customer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekTotals:
    """One week, or what of it lies in the month."""

    begins: date
    revenue: Decimal = ZERO
    cost: Decimal = ZERO


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """How many jobs of a period are in none of its sums. It must be told with them."""

    unreckoned: int = 0
    """They ended and have no account: it is being written, could not be, or is another house's."""
    other_currency: int = 0
    """They were reckoned in a currency that was the shop's then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthlyReport:
    """A month of the shop."""

    month: date
    """Its first day."""
    totals: Totals
    costs: tuple[tuple[CostKind, Decimal], ...] = ()
    """In the order of `CostKind`; they sum up to `totals.cost`."""
    weeks: tuple[WeekTotals, ...] = ()
    """In order."""
    printers: tuple[Share, ...] = ()
    materials: tuple[Share, ...] = ()
    """By mass, most first; jobs with several materials count for each."""
    customers: tuple[Share, ...] = ()
    """By revenue, most first."""
    left_out: LeftOut = LeftOut()
    """Counted for reports only; sensors are read too often for it."""
    currency: str = "EUR"
    shop: str = ""
    """Name of the shop, for the head of the page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayTotals:
    """What one printer did on one day of the shop."""

    printer_id: str
    day: date
    totals: Totals


@dataclass(frozen=True, kw_only=True, slots=True)
class DailyHistory:
    """Days one by one, and the sums of all that was before them."""

    before: tuple[Share, ...] = ()
    """By printer, of all days before the first one that was asked for."""
    days: tuple[DayTotals, ...] = ()
    """Oldest first; days without a job are left out."""
