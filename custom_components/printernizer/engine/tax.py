"""Tax on the lines of a document: once per rate, on the total, to the cent (rules 24 and 25)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from .document import TaxLine
from .money import ZERO, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from .shop import TaxRate

_HUNDRED: Final = Decimal(100)


class Taxed(Protocol):
    """A line of a document, as far as tax goes."""

    @property
    def amount(self) -> Decimal:
        """To the cent; net, or gross in a gross-first document."""

    @property
    def tax_percent(self) -> Decimal:
        """0 where exempt."""


def percent_on(rates: Sequence[TaxRate], day: date) -> Decimal:
    """Return the rate of a day: the last one that had begun by then; 0 before the first."""
    begun = [rate for rate in rates if rate.since <= day]
    return max(begun, key=lambda rate: rate.since).percent if begun else ZERO


def totals(lines: Iterable[Taxed], *, gross_first: bool) -> tuple[TaxLine, ...]:
    """Return net, tax and gross of each rate, ascending: net + tax = gross, always.

    Tax is rounded half up once per rate. Three lines of 3.33 net at 19 % are 9.99, 1.90 and
    11.89; 3.00 gross are 2.52 and 0.48.
    """
    sums: dict[Decimal, Decimal] = {}
    for line in lines:
        # 19 and 19.00 are one rate; a Decimal's hash agrees with that.
        sums[line.tax_percent] = sums.get(line.tax_percent, ZERO) + line.amount
    return tuple(
        _gross_first(percent, total) if gross_first else _net_first(percent, total)
        for percent, total in sorted(sums.items())
    )


def _net_first(percent: Decimal, net: Decimal) -> TaxLine:
    net = rounded(net)
    tax = rounded(net * percent / _HUNDRED)
    return TaxLine(percent=percent, net=net, tax=tax, gross=net + tax)


def _gross_first(percent: Decimal, gross: Decimal) -> TaxLine:
    gross = rounded(gross)
    net = rounded(gross * _HUNDRED / (_HUNDRED + percent))
    return TaxLine(percent=percent, net=net, tax=gross - net, gross=gross)
