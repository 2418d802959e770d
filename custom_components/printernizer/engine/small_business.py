"""Whether a small business still is one: the limits of § 19 UStG, as they hold since 2025."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

PREVIOUS_YEAR: Final = Decimal(25_000)
"""Turnover of the year before, up to which the exemption may be used."""
CURRENT_YEAR: Final = Decimal(100_000)
"""Turnover of this year; what goes beyond it is taxed from that very sale on.
Source of both: § 19 (1) UStG in the version of 1 January 2025."""
_NEAR: Final = Decimal("0.9")


class LimitWarning(StrEnum):
    """What somebody who uses the exemption has to know."""

    PREVIOUS_YEAR_EXCEEDED = "previous_year_exceeded"
    """The exemption could not be used this year."""
    CURRENT_YEAR_EXCEEDED = "current_year_exceeded"
    """It ended with the sale that went beyond the limit."""
    CURRENT_YEAR_NEAR = "current_year_near"
    """Nine tenths of the limit are reached."""
    NEXT_YEAR_LOST = "next_year_lost"
    """It can be used to the end of this year, but not in the next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turnover:
    """What was invoiced, by calendar year. Sales beside this ledger are not in it."""

    previous: Decimal
    current: Decimal

    @property
    def warnings(self) -> tuple[LimitWarning, ...]:
        """What to say of it, the worst first."""
        found: list[LimitWarning] = []
        if self.previous > PREVIOUS_YEAR:
            found.append(LimitWarning.PREVIOUS_YEAR_EXCEEDED)
        if self.current > CURRENT_YEAR:
            found.append(LimitWarning.CURRENT_YEAR_EXCEEDED)
        elif self.current >= CURRENT_YEAR * _NEAR:
            found.append(LimitWarning.CURRENT_YEAR_NEAR)
        if self.current > PREVIOUS_YEAR:
            found.append(LimitWarning.NEXT_YEAR_LOST)
        return tuple(found)
